"""The Responses API through OpenAI's own Python client, as the programs of the documentation use it."""
import io
import json

import openai
import pytest
import requests

from openai_fixtures import base_url, client, data_url, picture_of, place, question, searches  # noqa: F401 fixtures

# The client warns of items that its types do not list; it keeps them all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")

MODEL = "qwen3.7-plus"
TOOLS = [{"type": "image_search"}]


def calls_of(usage):
    return {name: tool["count"] for name, tool in usage.x_tools.items()} if hasattr(usage, "x_tools") else {}


@pytest.fixture
def picture():
    return data_url(picture_of("blue", 128))


def test_a_search_by_picture(client, place):
    response = client.responses.create(model=MODEL, input=question(place.web.url + "/green.jpg"), tools=TOOLS)
    assert response.status == "completed"
    (found,) = searches(response.output)
    assert [index for index, _, _ in found] == list(range(1, len(found) + 1))
    assert found[0][1] == "A green disc"
    assert "A green disc" in response.output_text
    assert response.usage.input_tokens > 0 and response.usage.output_tokens > 0
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert calls_of(response.usage) == {"image_search": 1}
    for _, _, url in found:  # opens for whoever has it, without a key
        answer = requests.get(url, timeout=10)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/jpeg"


def test_a_search_in_a_stream(client, picture):
    seen, text, results, usage = [], "", None, None
    for event in client.responses.create(model=MODEL, input=question(picture), tools=TOOLS, stream=True):
        seen.append(event.type)
        if event.type == "response.output_item.added" and event.item.type == "image_search_call":
            assert event.item.status == "in_progress" and not hasattr(event.item, "output")
        elif event.type == "response.output_item.done" and event.item.type == "image_search_call":
            results = json.loads(event.item.output)
        elif event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.completed":
            usage = event.response.usage
            assert event.response.output_text == text
    assert results[0]["title"] == "A blue disc" and "A blue disc" in text
    assert calls_of(usage) == {"image_search": 1}
    assert seen[:3] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert seen[-1] == "response.completed"
    assert seen.index("response.output_item.done") < seen.index("response.content_part.added")


def test_the_stream_helper(client, picture):
    with client.responses.stream(model=MODEL, input=question(picture), tools=TOOLS) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.status == "completed" and final.output_text == text
    assert searches(final.output)[0][0][1] == "A blue disc"


def test_a_search_by_words(client):
    response = client.responses.create(model=MODEL, input="a yellow disc", tools=[{"type": "web_search_image"}])
    (item,) = [item for item in response.output if item.type == "web_search_image_call"]
    assert json.loads(item.output)[0]["title"] and "queries" in json.loads(item.arguments)
    assert calls_of(response.usage) == {"web_search_image": 1}


def test_a_search_by_words_in_a_stream(client):
    events = list(client.responses.create(model=MODEL, input="a yellow disc", tools=[{"type": "web_search_image"}], stream=True))
    (item,) = [event.item for event in events
               if event.type == "response.output_item.done" and event.item.type == "web_search_image_call"]
    assert json.loads(item.output)[0]["title"] and "queries" in json.loads(item.arguments)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert events[-1].type == "response.completed" and events[-1].response.output_text == text != ""


def test_the_tool_narrows_the_search(client, picture):
    tool = {"type": "image_search", "libraries": ["discs"], "max_num_results": 2,
            "filters": {"type": "in", "key": "color", "value": ["red", "green", "yellow"]}}
    (found,) = searches(client.responses.create(model=MODEL, input=question(picture), tools=[tool]).output)
    assert len(found) == 2 and "A blue disc" not in [title for _, title, _ in found]
    tool["score_threshold"] = 0.99999
    assert searches(client.responses.create(model=MODEL, input=question(picture), tools=[tool]).output) == [[]]


def test_an_answer_is_kept_and_gone_on_with(client, picture):
    first = client.responses.create(model=MODEL, input=question(picture), tools=TOOLS)
    kept = client.responses.retrieve(first.id)
    assert kept.id == first.id and kept.output_text == first.output_text
    items = client.responses.input_items.list(first.id)
    assert items.data[0].role == "user"
    second = client.responses.create(model=MODEL, input="And which else?", previous_response_id=first.id, tools=TOOLS)
    assert second.previous_response_id == first.id and second.status == "completed"
    echoed = client.responses.create(model=MODEL, input=[*question(picture), *first.output, *question(picture)],
                                     tools=TOOLS)
    assert echoed.status == "completed"
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)


def test_a_file_is_a_picture_too(client):
    file = client.files.create(file=("blue.jpg", io.BytesIO(picture_of("blue", 128)), "image/jpeg"), purpose="vision")
    assert file.bytes == len(picture_of("blue", 128)) and file.filename == "blue.jpg"
    content = [{"type": "input_image", "file_id": file.id, "detail": "auto"}]
    response = client.responses.create(model=MODEL, input=[{"role": "user", "content": content}], tools=TOOLS)
    assert searches(response.output)[0][0][1] == "A blue disc"
    assert file.id in [f.id for f in client.files.list()]
    assert client.files.content(file.id).read() == picture_of("blue", 128)
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_models_are_listed(client):
    models = [model.id for model in client.models.list()]
    assert models and client.models.retrieve(models[0]).id == models[0]


def test_several_pictures_are_several_searches(client):
    content = [{"type": "input_image", "image_url": data_url(picture_of(colour, 128))} for colour in ("red", "yellow")]
    response = client.responses.create(model=MODEL, input=[{"role": "user", "content": content}], tools=TOOLS)
    first, second = searches(response.output)
    assert first[0][1] in ("A red disc", "red.jpg") and second[0][1] == "A yellow disc"
    assert calls_of(response.usage) == {"image_search": 2}


@pytest.mark.parametrize("picture", ["data:image/jpeg;base64,AAAA", "no picture at all", "file:///etc/passwd",
                                     "http://169.254.169.254/latest", "http://localhost:1/x.jpg"])
def test_a_bad_picture_is_a_bad_request(client, picture):
    with pytest.raises(openai.BadRequestError) as error:
        client.responses.create(model=MODEL, input=question(picture), tools=TOOLS)
    assert error.value.body["message"] and error.value.type == "invalid_request_error"


def test_a_bad_picture_in_a_stream_is_told(client):
    try:
        events = list(client.responses.create(model=MODEL, input=question("data:image/jpeg;base64,AAAA"), tools=TOOLS,
                                              stream=True))
    except openai.BadRequestError:
        return  # told before the stream began
    assert events[-1].type == "response.failed" and events[-1].response.error.message


def test_errors_are_the_clients_own(client, base_url, picture):
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=base_url, api_key="wrong").responses.create(model=MODEL, input="a")
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_of_nobody")
    with pytest.raises(openai.BadRequestError) as error:
        client.responses.create(model=MODEL, input=question(picture), tools=TOOLS, max_output_tokens=1)
    assert error.value.param == "max_output_tokens"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=MODEL, input=question(picture),
                                tools=[{"type": "image_search", "libraries": ["nowhere"]}])
