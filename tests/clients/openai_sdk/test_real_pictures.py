"""The documentation's programs, Python and Node, against a library of photographs: a photograph that was cut and stored again
is asked for, and what is found is the one it was cut from."""
import io
import json

import openai
import pytest
from PIL import Image

from conftest import Server, photo_tar
from openai_fixtures import KEY, data_url, question, run_node, searches

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")

COUNT, ASKED = 400, 10
MODEL, TOOLS = "qwen3.7-plus", [{"type": "image_search"}]


def cut(picture):
    """The middle nine tenths, as a JPEG of another size."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    width, height = image.size
    image = image.crop((width // 20, height // 20, width - width // 20, height - height // 20))
    out = io.BytesIO()
    image.resize((image.width * 3 // 2, image.height * 3 // 2), Image.Resampling.BICUBIC).save(out, "JPEG", quality=70)
    return out.getvalue()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A server with `COUNT` photographs, and (title, picture to ask with) of some."""
    pictures = photo_tar(COUNT)
    with Server(tmp_path_factory.mktemp("photographs") / "data", env={"OCELLUS_API_KEY": KEY}) as server:
        server.create("photographs")
        for name, data in pictures:
            server.add("photographs", name, name, data, {"title": name})
        yield server.url + "/compatible-mode/v1", [(name, data_url(cut(data))) for name, data in pictures[::COUNT // ASKED]]


def test_python(photographs):
    base_url, asked = photographs
    client = openai.OpenAI(base_url=base_url, api_key=KEY, max_retries=0)
    for title, picture in asked:
        response = client.responses.create(model=MODEL, input=question(picture), tools=TOOLS)
        (found,) = searches(response.output)
        assert found[0][:2] == (1, title) and title in response.output_text


def test_python_in_a_stream(photographs):
    base_url, asked = photographs
    client = openai.OpenAI(base_url=base_url, api_key=KEY, max_retries=0)
    for title, picture in asked:
        text, images = "", None
        for event in client.responses.create(model=MODEL, input=question(picture), tools=TOOLS, stream=True):
            if event.type == "response.output_item.done" and event.item.type == "image_search_call":
                images = json.loads(event.item.output)
            elif event.type == "response.output_text.delta":
                text += event.delta
        assert images[0]["title"] == title and title in text


def test_node(photographs):
    base_url, asked = photographs
    for title, picture in asked[:3]:
        first, *_, last = run_node("plain", base_url, PICTURE=picture)
        assert (first["index"], first["title"]) == (1, title) and title in last["text"]


def test_node_in_a_stream(photographs):
    base_url, asked = photographs
    for title, picture in asked[:3]:
        (got,) = run_node("stream", base_url, PICTURE=picture)
        assert got["images"][0]["title"] == title and title in got["text"]
