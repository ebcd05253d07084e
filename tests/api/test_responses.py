"""The Responses front without a language model: what it finds, says, streams, stores and refuses."""
import json
import socket
import time

import pytest
import requests
from conftest import Server, picture
from responses_client import ask, check_stream, data_url, events, found, get, post, stream, text_of

KEYS = """
[[key]]
name = "writer"
secret = "writer-writer-writer"
role = "write"
tables = ["shoes"]
[[key]]
name = "reader"
secret = "reader-reader-reader"
role = "read"
tables = ["hats"]
"""


@pytest.fixture(scope="module")
def pictures(server):
    for name in ("resp_shoes", "resp_hats"):
        server.create(name)
    for i in range(8):
        server.add("resp_shoes", f"s{i}", f"shelf/s {i}.jpg", picture(100 + i),
                   {"title": f"Shoe {i}", "color": "red" if i % 2 else "blue", "price": i})
    server.add("resp_hats", "h", "h.jpg", picture(200), {})
    server.add("resp_hats", "../odd//", "x?&#%.jpg", picture(201), {})
    yield server
    for name in ("resp_shoes", "resp_hats"):
        server.delete(name)


def tool(**more):
    return {"type": "image_search", "libraries": ["resp_shoes"]} | more


@pytest.mark.parametrize("base", ["/v1", "/compatible-mode/v1"])
def test_a_picture_finds_pictures(pictures, base):
    answer = ask(pictures, picture(103), "Which of our shoes look like this?", base=base, tools=[tool()])
    assert answer.status_code == 200, answer.text
    response = answer.json()
    call, message = response["output"]
    assert response["object"] == "response" and response["status"] == "completed" and response["error"] is None
    assert response["model"] == "qwen3.7-plus" and response["tools"] == [tool()]
    assert call["type"] == "image_search_call"
    assert json.loads(call["arguments"]) == {"img_idx": 0, "bbox": [0, 0, 1000, 1000]}
    results = found(call)
    assert [r["index"] for r in results] == list(range(1, 9))
    assert results[0]["title"] == "Shoe 3" and results[0]["score"] > 0.99 and results[0]["library"] == "resp_shoes"
    assert results[0]["tags"]["color"] == "red"
    assert [r["score"] for r in results] == sorted((r["score"] for r in results), reverse=True)
    assert message["role"] == "assistant" and message["content"][0]["annotations"] == []
    assert "Shoe 3 (similarity 1.00)" in text_of(response) and "resp_shoes" in text_of(response)
    usage = response["usage"]
    assert usage["input_tokens"] > 50 and usage["output_tokens"] > 10
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["x_tools"] == {"image_search": {"count": 1}}
    assert usage["x_details"][0]["total_tokens"] == usage["total_tokens"]


def test_every_url_opens(pictures):
    for item in ask(pictures, picture(201), tools=[{"type": "image_search", "libraries": ["resp_shoes", "resp_hats"]}]).json()["output"][:1]:
        results = found(item)
        assert {r["library"] for r in results} == {"resp_shoes", "resp_hats"}
        for result in results:
            got = requests.get(result["url"], timeout=30)
            assert got.status_code == 200 and got.headers["Content-Type"] == "image/jpeg", result
        assert requests.get(results[0]["url"], timeout=30).content == picture(201)


def test_the_tool_chooses_what_is_searched(pictures):
    def results(**more):
        return found(ask(pictures, picture(103), tools=[tool(**more)]).json()["output"][0])
    assert len(results(max_num_results=2)) == 2
    assert {r["tags"]["color"] for r in results(filters={"type": "eq", "key": "color", "value": "blue"})} == {"blue"}
    both = {"type": "and", "filters": [{"type": "gte", "key": "price", "value": 2}, {"type": "lt", "key": "price", "value": 4}]}
    assert {r["tags"]["price"] for r in results(filters=both)} == {2, 3}
    assert {r["tags"]["price"] for r in results(filters={"type": "in", "key": "price", "value": [1, 5]})} == {1, 5}
    assert [r["title"] for r in results(score_threshold=0.99)] == ["Shoe 3"]
    empty = ask(pictures, picture(103), tools=[tool(filters={"type": "eq", "key": "color", "value": "none"})]).json()
    assert empty["output"][0]["output"] == "[]" and "Nothing" in text_of(empty)


def test_words_find_pictures(pictures):
    response = ask(pictures, None, "a red shape", tools=[{"type": "web_search_image", "libraries": ["resp_shoes"]}]).json()
    call = response["output"][0]
    assert call["type"] == "web_search_image_call" and json.loads(call["arguments"]) == {"queries": ["a red shape"]}
    assert len(found(call)) == 8 and response["usage"]["x_tools"] == {"web_search_image": {"count": 1}}
    # `input` may be the words alone.
    short = post(pictures, {"model": "m", "input": "a red shape", "tools": [{"type": "web_search_image"}]}).json()
    assert short["output"][0]["type"] == "web_search_image_call"


def test_several_pictures_are_several_calls(pictures):
    response = ask(pictures, [picture(101), picture(105)], tools=[tool(max_num_results=1)]).json()
    first, second, message = response["output"]
    assert [json.loads(c["arguments"])["img_idx"] for c in (first, second)] == [0, 1]
    assert found(first)[0]["title"] == "Shoe 1" and found(second)[0]["title"] == "Shoe 5"
    assert len({first["id"], second["id"], message["id"]}) == 3
    assert response["usage"]["x_tools"]["image_search"]["count"] == 2
    assert "picture 1" in text_of(response) and "picture 2" in text_of(response)


def test_without_a_search_it_says_what_it_is(pictures):
    for more in ({"tools": []}, {"tools": [{"type": "image_search"}]}, {"tool_choice": "none"}, {"tools": [{"type": "web_search"}]}):
        response = ask(pictures, picture(1) if more.get("tool_choice") else None, "hello", **more).json()
        assert [item["type"] for item in response["output"]] == ["message"], more
        assert "no language model" in text_of(response)
        assert "x_tools" not in response["usage"]


def test_stream(pictures):
    got = stream(pictures, picture(103), "like this?", tools=[tool()])
    last = check_stream(got)
    assert last["status"] == "completed" and last["usage"]["x_tools"] == {"image_search": {"count": 1}}
    assert [event["type"] for event in got[:6]] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.output_item.done",
        "response.output_item.added", "response.content_part.added"]
    plain = ask(pictures, picture(103), "like this?", tools=[tool()]).json()
    assert text_of(plain) == text_of(last) and plain["output"][0]["output"] == last["output"][0]["output"]
    assert plain["usage"] == last["usage"]


def test_forms_of_a_picture(pictures, tmp_path):
    chat = {"type": "image_url", "image_url": {"url": data_url(picture(103))}}
    with_detail = {"type": "input_image", "image_url": data_url(picture(103)), "detail": "high", "file_id": None}
    png = {"type": "input_image", "image_url": data_url(picture(103, "PNG"), "image/png")}
    for form in (chat, with_detail, png):
        assert found(ask(pictures, form, tools=[tool()]).json()["output"][0])[0]["title"] == "Shoe 3"
    file = get(pictures, "/v1/files", method="POST", files={"file": ("a.jpg", picture(103))}, data={"purpose": "vision"}).json()
    by_id = ask(pictures, {"type": "input_image", "file_id": file["id"]}, tools=[tool()])
    assert found(by_id.json()["output"][0])[0]["title"] == "Shoe 3"
    get(pictures, f"/v1/files/{file['id']}", method="DELETE")


BAD_PICTURES = [
    ({"type": "input_image"}, "invalid_image_url"),
    ({"type": "input_image", "image_url": ""}, "invalid_image_url"),
    ({"type": "input_image", "image_url": "/etc/passwd"}, "invalid_image_url"),
    ({"type": "input_image", "image_url": "file:///etc/passwd"}, "invalid_image_url"),
    ({"type": "input_image", "image_url": "AAAA"}, "invalid_image_url"),
    ({"type": "input_image", "image_url": "http://127.0.0.1:1/a.jpg"}, "invalid_image_url"),
    ({"type": "input_image", "image_url": "data:image/jpeg;base64,####"}, "invalid_base64_image"),
    ({"type": "input_image", "image_url": "data:image/jpeg;base64,"}, "empty_image_file"),
    ({"type": "input_image", "image_url": "data:text/html;base64,AAAA"}, "unsupported_image_media_type"),
    ({"type": "input_image", "image_url": "data:image/jpeg,AAAA"}, "invalid_image_url"),
    ({"type": "input_image", "image_url": "data:image/jpeg;base64"}, "invalid_image_url"),
    ({"type": "input_image", "image_url": "data:image/jpeg;base64,AAAA"}, "invalid_image"),
    ({"type": "input_image", "file_id": "file-none"}, "image_file_not_found"),
]


@pytest.mark.parametrize("part,code", BAD_PICTURES, ids=range(len(BAD_PICTURES)))
def test_a_bad_picture(pictures, part, code):
    answer = ask(pictures, part)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == code and error["type"] == "invalid_request_error" and error["param"] == "input[0].content[0]"
    assert error["message"].startswith("input[0].content[0]: ") and answer.json()["request_id"]
    last = check_stream(stream(pictures, part))
    assert last["status"] == "failed" and last["error"]["code"] == code and last["output"] == []


def test_small_and_damaged_pictures(pictures):
    tiny = ask(pictures, data_url(picture(1, size=(9, 40))))
    assert tiny.status_code == 400 and tiny.json()["error"]["code"] == "image_too_small"
    cut = ask(pictures, data_url(picture(103, "PNG")[:200], "image/png"), tools=[tool()])
    assert cut.status_code == 400 and cut.json()["error"]["code"] == "invalid_image"
    last = check_stream(stream(pictures, data_url(picture(103, "PNG")[:200], "image/png"), tools=[tool()]))
    assert last["status"] == "failed" and last["output"][0]["output"] == "[]"


BAD_BODIES = [
    ({"model": 1}, "model"), ({"model": ""}, "model"), ({"model": None}, "model"), ({"input": None}, "input"),
    ({"input": 1}, "input"), ({"input": []}, "input"), ({"input": [1]}, "input[0]"), ({"input": [{"role": "user"}]}, "input[0].content"),
    ({"input": [{"role": "king", "content": "a"}]}, "input[0].role"), ({"input": [{"content": "a"}]}, "input[0].role"),
    ({"input": [{"role": "user", "content": 1}]}, "input[0].content"),
    ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input[0].content[0].type"),
    ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": 1}]}]}, "input[0].content[0].image_url"),
    ({"stream": "yes"}, "stream"), ({"store": 1}, "store"), ({"background": True}, "background"), ({"conversation": "c"}, "conversation"),
    ({"tools": {}}, "tools"), ({"tools": [1]}, "tools[0]"), ({"tools": [{}]}, "tools[0].type"),
    ({"tools": [{"type": "image_search"}] * 2}, "tools[1]"),
    ({"tools": [{"type": "image_search", "libraries": []}]}, "tools[0].libraries"),
    ({"tools": [{"type": "image_search", "libraries": [1]}]}, "tools[0].libraries"),
    ({"tools": [{"type": "image_search", "max_num_results": 0}]}, "tools[0].max_num_results"),
    ({"tools": [{"type": "image_search", "max_num_results": 101}]}, "tools[0].max_num_results"),
    ({"tools": [{"type": "image_search", "score_threshold": 2}]}, "tools[0].score_threshold"),
    ({"tools": [{"type": "image_search", "filters": {"type": "like", "key": "a", "value": "b"}}]}, "tools[0].filters.type"),
    ({"tools": [{"type": "image_search", "filters": {"type": "eq", "value": "b"}}]}, "tools[0].filters.key"),
    ({"tools": [{"type": "image_search", "filters": {"type": "in", "key": "a", "value": "b"}}]}, "tools[0].filters.value"),
    ({"tools": [{"type": "image_search", "filters": {"type": "and", "filters": []}}]}, "tools[0].filters.filters"),
    ({"tool_choice": "maybe"}, "tool_choice"), ({"tool_choice": {"type": "web_search"}}, "tool_choice.type"),
    ({"tool_choice": "required", "tools": []}, "tool_choice"), ({"tool_choice": "required", "input": "words"}, "tool_choice"),
    ({"temperature": 3}, "temperature"), ({"top_p": "a"}, "top_p"), ({"max_output_tokens": 15}, "max_output_tokens"),
    ({"metadata": []}, "metadata"), ({"previous_response_id": 1}, "previous_response_id"),
]


@pytest.mark.parametrize("change,param", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_bad_body_names_its_field(server, change, param):
    body = {"model": "m", "input": "hello", "tools": [{"type": "image_search"}]} | change
    answer = post(server, body)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["param"] == param and error["message"].startswith(param), error
    assert error["code"] == "invalid_parameter"


def test_other_failures(server):
    assert requests.post(server.url + "/v1/responses", data=b"{", timeout=30).json()["error"]["code"] == "invalid_parameter"
    unknown = ask(server, picture(1), tools=[{"type": "image_search", "libraries": ["none"]}])
    assert unknown.status_code == 404 and unknown.json()["error"]["code"] == "library_not_found"
    assert get(server, "/v1/responses").status_code == 405
    lost = get(server, "/v1/nothing")
    assert lost.status_code == 404 and lost.json()["error"]["type"] == "invalid_request_error"
    many = ask(server, [data_url(picture(1))] * 33)
    assert many.status_code == 400 and "33 pictures" in many.json()["error"]["message"]


def test_the_longest_message_that_is_wanted(pictures):
    response = ask(pictures, picture(103), tools=[tool()], max_output_tokens=40).json()
    assert response["status"] == "incomplete" and response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert 0 < response["usage"]["output_tokens"] <= 40
    got = stream(pictures, picture(103), tools=[tool()], max_output_tokens=40)
    assert check_stream(got)["status"] == "incomplete"


def test_stored_responses(pictures):
    response = ask(pictures, picture(103), "this one?", tools=[tool()], metadata={"a": "b"}).json()
    path = f"/v1/responses/{response['id']}"
    assert get(pictures, path).json() == response
    assert get(pictures, "/compatible-mode" + path).json() == response
    items = get(pictures, path + "/input_items").json()
    assert items["object"] == "list" and not items["has_more"] and items["first_id"] == items["data"][0]["id"] == items["last_id"]
    assert items["data"][0]["type"] == "message" and items["data"][0]["content"][0]["text"] == "this one?"
    assert get(pictures, path, method="DELETE").json() == {"id": response["id"], "object": "response", "deleted": True}
    for method, at in (("GET", path), ("DELETE", path), ("GET", path + "/input_items")):
        gone = get(pictures, at, method=method)
        assert gone.status_code == 404 and gone.json()["error"]["code"] == "response_not_found"
    unstored = ask(pictures, picture(103), tools=[tool()], store=False).json()
    assert get(pictures, f"/v1/responses/{unstored['id']}").status_code == 404


def test_pages_of_input_items(server):
    body = {"model": "m", "input": [{"role": "user", "content": f"word {i}"} for i in range(5)]}
    path = f"/v1/responses/{post(server, body).json()['id']}/input_items"
    newest = get(server, path + "?limit=2").json()
    assert [i["content"] for i in newest["data"]] == ["word 4", "word 3"] and newest["has_more"]
    rest = get(server, path + f"?limit=3&after={newest['last_id']}").json()
    assert [i["content"] for i in rest["data"]] == ["word 2", "word 1", "word 0"] and not rest["has_more"]
    assert [i["content"] for i in get(server, path + "?order=asc&limit=1").json()["data"]] == ["word 0"]
    for query in ("limit=0", "limit=101", "limit=x", "order=up", "after=none"):
        assert get(server, f"{path}?{query}").status_code == 400, query


def test_a_conversation_goes_on(pictures):
    first = ask(pictures, picture(103), tools=[tool()]).json()
    # The picture of the turn before is the query still.
    second = ask(pictures, None, "once more", tools=[tool(max_num_results=1)], previous_response_id=first["id"]).json()
    assert second["previous_response_id"] == first["id"] and found(second["output"][0])[0]["title"] == "Shoe 3"
    third = ask(pictures, picture(105), tools=[tool(max_num_results=1)], previous_response_id=second["id"]).json()
    assert json.loads(third["output"][0]["arguments"])["img_idx"] == 1
    assert found(third["output"][0])[0]["title"] == "Shoe 5"
    assert third["usage"]["input_tokens"] > second["usage"]["input_tokens"]
    lost = ask(pictures, picture(105), previous_response_id="resp_none")
    assert lost.status_code == 404 and lost.json()["error"]["param"] == "previous_response_id"
    # A client may send what it got itself, with what its SDK adds.
    echoed = [{k: v for k, v in item.items()} | {"extra": None} for item in first["output"]] + [{"type": "reasoning", "summary": []}]
    body = {"model": "m", "tools": [tool()], "input": echoed + [{"role": "user", "content": [
        {"type": "input_image", "image_url": data_url(picture(101))}]}]}
    assert found(post(pictures, body).json()["output"][0])[0]["title"] == "Shoe 1"


def test_models(server):
    listed = get(server, "/v1/models").json()
    assert listed["object"] == "list" and listed["data"][0]["id"] == "ocellus"
    for model in listed["data"]:
        assert model["object"] == "model" and isinstance(model["created"], int) and model["owned_by"]
        assert get(server, f"/v1/models/{model['id']}").json() == model
    assert get(server, "/v1/models/none").json()["error"]["code"] == "model_not_found"


def test_files(server):
    def upload(name="dir/ä \"b\".jpg", data=None, **form):
        return get(server, "/v1/files", method="POST", files={"file": (name, picture(5) if data is None else data)}, data=form)
    file = upload(purpose="vision").json()
    assert file["object"] == "file" and file["bytes"] == len(picture(5)) and file["status"] == "processed"
    assert file["purpose"] == "vision" and "b" in file["filename"] and "/" not in file["filename"]
    assert get(server, f"/v1/files/{file['id']}").json() == file
    content = get(server, f"/compatible-mode/v1/files/{file['id']}/content")
    assert content.content == picture(5) and content.headers["Content-Type"] == "image/jpeg"
    other = upload("b.png", picture(6, "PNG"), purpose="user_data").json()
    assert [f["id"] for f in get(server, "/v1/files").json()["data"]][:2] == [other["id"], file["id"]]
    assert [f["id"] for f in get(server, "/v1/files?purpose=user_data&limit=1").json()["data"]] == [other["id"]]
    for one in (file, other):
        assert get(server, f"/v1/files/{one['id']}", method="DELETE").json() == {"id": one["id"], "object": "file", "deleted": True}
        for path, method in ((f"/v1/files/{one['id']}", "GET"), (f"/v1/files/{one['id']}/content", "GET"), (f"/v1/files/{one['id']}", "DELETE")):
            assert get(server, path, method=method).json()["error"]["code"] == "file_not_found"
    assert upload().json()["error"]["param"] == "purpose"
    assert upload(data=b"no picture", purpose="vision").json()["error"]["code"] == "invalid_image"
    assert upload(data=b"", purpose="vision").json()["error"]["code"] == "empty_image_file"
    assert get(server, "/v1/files", method="POST", data={"purpose": "vision"}).status_code == 400
    assert get(server, "/v1/files", method="POST", json={}).status_code == 400


def test_what_is_kept_outlives_a_kill(tmp_path):
    server = Server(tmp_path / "data").start()
    server.create("shoes")
    server.add("shoes", "a", "a.jpg", picture(1))
    response = ask(server, picture(1)).json()
    file = get(server, "/v1/files", method="POST", files={"file": ("a.jpg", picture(1))}, data={"purpose": "vision"}).json()
    server.kill()
    server.start()
    assert get(server, f"/v1/responses/{response['id']}").json() == response
    assert get(server, f"/v1/files/{file['id']}").json() == file
    again = ask(server, {"type": "input_image", "file_id": file["id"]}, previous_response_id=response["id"]).json()
    assert found(again["output"][0])[0]["title"] == "a"
    assert server.stop() == 0


def test_the_oldest_responses_go(tmp_path):
    with Server(tmp_path / "data", config="[responses]\nmax_stored = 2\n[files]\nmax = 1\n") as server:
        ids = [post(server, {"model": "m", "input": "hello"}).json()["id"] for _ in range(3)]
        assert [get(server, f"/v1/responses/{i}").status_code for i in ids] == [404, 200, 200]
        upload = {"method": "POST", "data": {"purpose": "vision"}}
        assert get(server, "/v1/files", files={"file": ("a", picture(1))}, **upload).status_code == 200
        full = get(server, "/v1/files", files={"file": ("a", picture(1))}, **upload)
        assert full.status_code == 403 and full.json()["error"]["code"] == "storage_limit_exceeded"


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("closed")
    (folder / "keys.toml").write_text(KEYS)
    config = f'keys_file = "{folder}/keys.toml"\n[fetch]\nenabled = true\nallow_networks = ["127.0.0.0/8"]\n'
    with Server(folder / "data", config=config, env={"OCELLUS_API_KEY": "admin-admin-admin-admin"}) as server:
        for name, seed in (("shoes", 1), ("hats", 2)):
            server.create(name)
            server.add(name, "a", "a b.jpg", picture(seed))
        yield server


def test_keys(closed):
    assert requests.post(closed.url + "/v1/responses", json={}, timeout=30).json()["error"]["code"] == "invalid_api_key"
    wrong = ask(closed, picture(1), key="wrong-wrong-wrong-wrong")
    assert wrong.status_code == 401 and wrong.json()["error"]["type"] == "invalid_request_error"
    writer, reader = "writer-writer-writer", "reader-reader-reader"
    # By default what the key may read.
    assert {r["library"] for r in found(ask(closed, picture(1), key=writer).json()["output"][0])} == {"shoes"}
    assert {r["library"] for r in found(ask(closed, picture(1), key=reader).json()["output"][0])} == {"hats"}
    assert {r["library"] for r in found(ask(closed, picture(1)).json()["output"][0])} == {"shoes", "hats"}
    assert ask(closed, picture(1), key=reader, tools=[{"type": "image_search", "libraries": ["shoes"]}]).status_code == 403
    # What one stored is not there for another.
    mine = ask(closed, picture(1), key=writer).json()["id"]
    assert get(closed, f"/v1/responses/{mine}", key=reader).status_code == 404
    assert get(closed, f"/v1/responses/{mine}", key=writer).status_code == 200
    assert ask(closed, None, "more", key=reader, previous_response_id=mine).status_code == 404
    upload = {"method": "POST", "data": {"purpose": "vision"}, "files": {"file": ("a", picture(1))}}
    file = get(closed, "/v1/files", key=writer, **upload).json()["id"]
    assert get(closed, f"/v1/files/{file}", key=reader).status_code == 404
    assert ask(closed, {"type": "input_image", "file_id": file}, key=reader).json()["error"]["code"] == "image_file_not_found"
    assert get(closed, "/v1/files", key=reader, method="POST", data={"purpose": "vision"},
               files={"file": ("a", picture(1))}).status_code == 403


def test_signed_links(closed):
    url = found(ask(closed, picture(1), key="writer-writer-writer").json()["output"][0])[0]["url"]
    assert requests.get(url, timeout=30).content == picture(1)
    assert requests.get(url + "&size=32", timeout=30).status_code == 200
    plain = url.split("&expires")[0]
    for bad in (plain, url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("/shoes/", "/hats/"), url.replace("a%20b", "b"),
                url.replace("expires=1", "expires=2"), url.replace("/a?", "/b?"), url.split("&signature")[0]):
        assert requests.get(bad, timeout=30).status_code == 401, bad
    assert requests.post(url, timeout=30).status_code in (401, 405)


def test_only_some_keys_have_urls_fetched(closed):
    image = "http://127.0.0.1:1/a.jpg"
    for key in ("writer-writer-writer", "reader-reader-reader"):
        refused = ask(closed, image, key=key)
        assert refused.status_code == 400 and "may not have URLs fetched" in refused.json()["error"]["message"]


def test_what_was_found_is_searched_with_by_its_url(closed):
    by_picture = found(ask(closed, picture(2)).json()["output"][0])
    assert by_picture[0]["library"] == "hats"
    url = by_picture[0]["url"]
    again = ask(closed, url)
    assert again.status_code == 200, again.text
    assert found(again.json()["output"][0])[0]["score"] > 0.99
    # Only by a key that may read it.
    assert ask(closed, url, key="writer-writer-writer").json()["error"]["code"] == "invalid_image_url"
    assert ask(closed, url.replace("/a?", "/none?")).json()["error"]["code"] == "invalid_image_url"


def test_the_configurations_filter(tmp_path):
    config = """[responses]
filters = '{"type": "eq", "key": "shown", "value": true}'
libraries = ["shoes"]
"""
    with Server(tmp_path / "data", config=config) as server:
        for name in ("shoes", "hats"):
            server.create(name)
            for i in range(4):
                server.add(name, f"p{i}", "u", picture(i), {"shown": i % 2 == 0, "n": i})
        def ids(**more):
            return {(r["library"], r["title"]) for r in found(ask(server, picture(1), tools=[{"type": "image_search"} | more]).json()["output"][0])}
        assert ids() == {("shoes", "p0"), ("shoes", "p2")}
        assert ids(filters={"type": "gt", "key": "n", "value": 0}) == {("shoes", "p2")}
        assert ids(libraries=["hats"]) == {("hats", "p0"), ("hats", "p2")}
    with pytest.raises(AssertionError):
        Server(tmp_path / "bad", config="[responses]\nfilters = '{}'\n").start()


def test_a_url_is_fetched(tmp_path):
    import http.server
    import threading

    class Pictures(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/a.jpg" else 404)
            self.end_headers()
            self.wfile.write(picture(1))

        def log_message(self, *_):
            pass

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    port = site.server_address[1]
    config = f'[fetch]\nenabled = true\nports = [{port}]\nallow_networks = ["127.0.0.0/8"]\n'
    with Server(tmp_path / "data", config=config) as server:
        server.create("shoes")
        server.add("shoes", "a", "a.jpg", picture(1))
        assert found(ask(server, f"http://127.0.0.1:{port}/a.jpg").json()["output"][0])[0]["title"] == "a"
        assert check_stream(stream(server, f"http://127.0.0.1:{port}/a.jpg"))["status"] == "completed"
        missing = ask(server, f"http://127.0.0.1:{port}/none.jpg")
        assert missing.status_code == 400 and "URL is invalid" in missing.json()["error"]["message"]
        last = check_stream(stream(server, f"http://127.0.0.1:{port}/none.jpg"))
        assert last["status"] == "failed" and "URL is invalid" in last["error"]["message"]
        assert ask(server, "http://10.0.0.1/a.jpg").status_code == 400
    site.shutdown()


def test_links_of_a_public_url(tmp_path):
    with Server(tmp_path / "data", config='[http]\npublic_url = "https://pictures.example.com/base"\n') as server:
        server.create("shoes")
        server.add("shoes", "a", "a.jpg", picture(1))
        url = found(ask(server, picture(1)).json()["output"][0])[0]["url"]
        assert url == "https://pictures.example.com/base/images/shoes/a?uri=a.jpg"


def test_a_picture_that_was_not_kept_leads_to_its_url(tmp_path):
    with Server(tmp_path / "data") as server:
        server.create("shoes")
        server.add("shoes", "a", "https://example.com/a.jpg", picture(1), save_image=False)
        url = found(ask(server, picture(1)).json()["output"][0])[0]["url"]
        answer = requests.get(url, allow_redirects=False, timeout=30)
        assert answer.status_code == 302 and answer.headers["Location"] == "https://example.com/a.jpg"


def test_a_client_that_leaves_at_once_harms_nothing(pictures):
    body = json.dumps({"model": "m", "stream": True, "tools": [tool()], "input": [{"role": "user", "content": [
        {"type": "input_image", "image_url": data_url(picture(103))}]}]}).encode()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", pictures.port)) as connection:
            connection.sendall(b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            connection.recv(10)
    time.sleep(0.2)
    assert check_stream(list(events(ask(pictures, picture(103), stream=True, tools=[tool()]))))["status"] == "completed"
