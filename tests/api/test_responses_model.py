"""The Responses front with a configured chat model: one that works, and ones that stall, fail and lie."""
import json
import threading
import time

import pytest
import requests
from chat_server import ChatServer, babbles, calls, delta, fails, says, sends, stalls, whole
from conftest import Server, picture, wait_for
from responses_client import ask, check_stream, events, found, get, lines, stream, text_of

BOTH = [{"type": "image_search", "max_num_results": 3}, {"type": "web_search_image", "max_num_results": 3}]


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A data folder with a library, as every server here starts from a copy of it."""
    folder = tmp_path_factory.mktemp("filled")
    with Server(folder / "data") as server:
        server.create("shoes")
        for i in range(6):
            server.add("shoes", f"s{i}", f"s{i}.jpg", picture(300 + i), {"title": f"Shoe {i}"})
    return folder / "data"


@pytest.fixture
def start(tmp_path, filled):
    """Starts a server whose model follows a script; gives both."""
    import shutil
    started = []
    cache = f'model_cache = "{filled.parent}/models"\n'

    def run(*script, env=None, **assistant):
        chat = ChatServer(*script)
        data = tmp_path / f"data{len(started)}"
        shutil.copytree(filled, data)
        server = Server(data, config=cache + chat.config(**assistant), env=env).start()
        started.append((server, chat))
        return server, chat
    yield run
    for server, chat in started:
        server.stop()
        chat.__exit__()


def test_the_model_searches_and_answers(start):
    server, chat = start(calls(("image_search", {"img_idx": 0, "bbox": [0, 0, 1000, 1000]})), says("It is ", "Shoe 3."))
    response = ask(server, picture(303), "which?", tools=BOTH, instructions="be brief", temperature=0.5).json()
    assert response["status"] == "completed" and text_of(response) == "It is Shoe 3."
    assert found(response["output"][0])[0]["title"] == "Shoe 3" and len(found(response["output"][0])) == 3
    assert response["usage"]["input_tokens"] == 150 and response["usage"]["output_tokens"] == 15
    assert response["usage"]["x_tools"] == {"image_search": {"count": 1}}
    first, second = chat.requests
    assert first["model"] == "scripted" and first["stream"] is True and first["temperature"] == 0.5
    assert [t["function"]["name"] for t in first["tools"]] == ["image_search", "web_search_image"]
    assert first["messages"][0]["role"] == "system" and first["messages"][0]["content"].endswith("be brief")
    assert first["messages"][1] == {"role": "user", "content": "which?\n[picture 0]"}
    assistant, result = second["messages"][2:]
    assert assistant["tool_calls"][0]["function"]["name"] == "image_search"
    assert result["role"] == "tool" and result["tool_call_id"] == assistant["tool_calls"][0]["id"]
    assert json.loads(result["content"]) == found(response["output"][0])
    assert chat.keys == [None, None]


def test_the_stream_is_sent_on_as_it_comes(start):
    go_on = threading.Event()

    def step(handler):
        handler.head()
        handler.event(delta(content="first"))
        assert go_on.wait(10)
        handler.event(delta(content=" second"))
        handler.event(delta("stop"))
        handler.event("[DONE]")
    server, _ = start(calls(("web_search_image", {"queries": ["a shoe", "a boot"]})), step)
    got = []
    for event in events(ask(server, None, "a shoe", tools=BOTH, stream=True)):
        got.append(event)
        if event["type"] == "response.output_text.delta" and event["delta"] == "first":
            go_on.set()  # it came before the rest was made
    last = check_stream(got)
    assert text_of(last) == "first second" and len(found(last["output"][0])) == 3
    assert json.loads(last["output"][0]["arguments"]) == {"queries": ["a shoe", "a boot"]}
    assert last["usage"]["input_tokens"] > 50  # counted here where the model's server does not tell


def test_words_between_the_searches(start):
    server, _ = start(calls(("image_search", {"img_idx": 0}), ("web_search_image", {"queries": ["shoe"]}), text="Let me look."),
                      says("Done."))
    last = check_stream(stream(server, picture(303), "which?", tools=BOTH))
    assert [item["type"] for item in last["output"]] == ["message", "image_search_call", "web_search_image_call", "message"]
    assert last["usage"]["x_tools"] == {"image_search": {"count": 1}, "web_search_image": {"count": 1}}


def test_a_part_of_a_picture_is_searched(start):
    from PIL import Image
    import io
    left, right = Image.open(io.BytesIO(picture(301))), Image.open(io.BytesIO(picture(304)))
    both = Image.new("RGB", (192, 72))
    both.paste(left, (0, 0))
    both.paste(right, (96, 0))
    out = io.BytesIO()
    both.save(out, "PNG")
    server, _ = start(calls(("image_search", {"img_idx": 0, "bbox": [0, 0, 500, 1000]}),
                            ("image_search", {"img_idx": 0, "bbox": [500, 0, 1000, 1000]})), says("two"))
    from responses_client import data_url
    output = ask(server, data_url(out.getvalue(), "image/png")).json()["output"]
    assert found(output[0])[0]["title"] == "Shoe 1" and found(output[0])[0]["score"] > 0.95
    assert found(output[1])[0]["title"] == "Shoe 4" and found(output[1])[0]["score"] > 0.95


def test_a_model_that_sees(start):
    server, chat = start(calls(("image_search", {"img_idx": 0})), says("ok"), sees_pictures=True)
    assert ask(server, picture(303), "which?", tools=BOTH).json()["status"] == "completed"
    user = chat.requests[0]["messages"][1]["content"]
    assert [part["type"] for part in user] == ["text", "text", "image_url"]
    assert user[2]["image_url"]["url"].startswith("data:image/jpeg;base64,")
    shown = chat.requests[1]["messages"][-1]
    assert shown["role"] == "user" and [p["type"] for p in shown["content"]] == ["text", "image_url"] * 3
    assert shown["content"][0]["text"] == "[result 1: Shoe 3]"


def test_a_server_that_does_not_stream(start):
    call = {"role": "assistant", "content": None, "tool_calls": [
        {"id": "x", "type": "function", "function": {"name": "image_search", "arguments": "{}"}}]}
    server, _ = start(whole(call, "tool_calls"), whole({"role": "assistant", "content": "plain"}))
    response = ask(server, picture(303)).json()
    assert text_of(response) == "plain" and response["usage"]["input_tokens"] == 14


def test_the_key_comes_from_the_environment(start):
    server, chat = start(says("hello"), env={"MODEL_KEY": "secret-of-the-model"}, key_variable="MODEL_KEY")
    assert text_of(ask(server, None, "hi").json()) == "hello"
    assert chat.keys == ["Bearer secret-of-the-model"]
    assert "secret-of-the-model" not in server.log()


def test_tool_choice(start):
    server, chat = start(says("a"))
    ask(server, picture(303), tools=BOTH, tool_choice="required")
    ask(server, picture(303), tools=BOTH, tool_choice={"type": "web_search_image"}, input="a shoe")
    ask(server, picture(303), tools=BOTH, tool_choice="none")
    assert chat.requests[0]["tool_choice"] == "required"
    assert chat.requests[1]["tool_choice"] == {"type": "function", "function": {"name": "web_search_image"}}
    assert [t["function"]["name"] for t in chat.requests[1]["tools"]] == ["web_search_image"]
    assert "tools" not in chat.requests[2]


def test_a_conversation(start):
    server, chat = start(calls(("image_search", {"img_idx": 0})), says("Shoe 3."), says("As I said."))
    first = ask(server, picture(303), "which?").json()
    second = ask(server, None, "sure?", previous_response_id=first["id"]).json()
    assert text_of(second) == "As I said."
    texts = [m["content"] for m in chat.requests[2]["messages"][1:]]
    assert texts[0] == "which?\n[picture 0]" and "Shoe 3" in texts[1] and texts[2] == "Shoe 3." and texts[3] == "sure?"


def test_lies_are_told_back_to_the_model(start):
    server, chat = start(
        calls(("image_search", "{not json"), ("format_disk", {}), ("image_search", {"img_idx": 7}),
              ("image_search", {"img_idx": 0, "bbox": [500, 0, 100, 1000]}), ("image_search", {"bbox": [0, 0, 1]}),
              ("image_search", [1]), ("web_search_image", {"queries": []}), ("web_search_image", {"queries": 3})),
        says("Sorry."))
    last = check_stream(stream(server, picture(303), "which?", tools=BOTH))
    assert last["status"] == "completed" and text_of(last) == "Sorry." and len(last["output"]) == 1
    told = [m["content"] for m in chat.requests[1]["messages"] if m["role"] == "tool"]
    assert len(told) == 8 and all(t.startswith("error: ") for t in told), told
    assert "format_disk" in told[1] and "img_idx" in told[2] and "bbox" in told[3] and "queries" in told[7]
    # What goes back is JSON.
    for call in chat.requests[1]["messages"][2]["tool_calls"]:
        json.loads(call["function"]["arguments"])


def test_an_endless_loop_of_tools_ends(start):
    server, chat = start(calls(("image_search", {"img_idx": 0})), max_rounds=3)
    answer = ask(server, picture(303))
    assert answer.status_code == 502 and "went on calling tools" in answer.json()["error"]["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert len(chat.requests) == 3 and chat.requests[2]["tool_choice"] == "none" and "tool_choice" not in chat.requests[1]
    last = check_stream(stream(server, picture(303)))
    assert last["status"] == "failed" and last["error"]["code"] == "server_error" and len(last["output"]) == 3


def test_limits_of_searches_and_tokens(start):
    server, chat = start(calls(*[("image_search", {"img_idx": 0})] * 10), says("enough"), max_calls=4)
    response = ask(server, picture(303)).json()
    assert text_of(response) == "enough" and response["usage"]["x_tools"]["image_search"]["count"] == 4
    assert sum("no more searches" in m["content"] for m in chat.requests[1]["messages"] if m["role"] == "tool") == 6
    assert chat.requests[1]["tool_choice"] == "none"
    server, chat = start(calls(("image_search", {"img_idx": 0}), tokens=(5000, 5)), max_tokens=5000)
    answer = ask(server, picture(303))
    assert answer.status_code == 502 and "limit of 5000 tokens" in answer.json()["error"]["message"]
    assert len(chat.requests) == 1


def test_the_longest_message(start):
    server, chat = start(says("cut", finish="length"), max_output_tokens=300)
    response = ask(server, None, "long?", max_output_tokens=20).json()
    assert response["status"] == "incomplete" and response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert chat.requests[0]["max_tokens"] == 20
    ask(server, None, "long?", max_output_tokens=2000)
    assert chat.requests[1]["max_tokens"] == 300


FAILURES = {
    "500": (fails(500, {"error": {"message": "out of order"}}), 502, "answered 500: out of order"),
    "401": (fails(401, {"error": {"message": "bad key"}}), 502, "answered 401: bad key"),
    "html": (fails(503, "<html>busy</html>", "text/html"), 502, "answered 503: <html>busy"),
    "redirect": (fails(302, ""), 502, "answered 302"),
    "429": (fails(429, {"error": {"message": "slow down"}}), 429, "answered 429: slow down"),
    "not json": (sends("data: {nope"), 502, "not JSON"),
    "not utf-8": (lambda h: (h.head(), h.wfile.write(b"data: {\"a\":\"\xff\"}\n\n")), 502, "not UTF-8"),
    "no object": (sends("data: [1]"), 502, "other than a JSON object"),
    "an error inside": (sends('data: {"error":{"message":"overloaded"}}'), 502, "overloaded"),
    "breaks off": (sends('data: {"choices":[{"delta":{"content":"half"}}]}'), 502, "breaks off"),
    "nothing": (says(), 502, "answered nothing"),
    "no choices": (whole(None), 502, "answered nothing"),
    "plain text": (fails(200, "hello"), 502, "not JSON"),
    "other json": (fails(200, {"a": 1}), 502, "no choices"),
    "calls without end": (sends('data: {"choices":[{"delta":{"tool_calls":[{"index":99}]}}]}'), 502, "32 calls"),
    "negative index": (sends('data: {"choices":[{"delta":{"tool_calls":[{"index":-1}]}}]}'), 502, "32 calls"),
    "odd types": (sends('data: {"choices":[{"delta":{"content":5,"tool_calls":[3]}}]}', 'data: {"choices":"x"}',
                        'data: {"choices":[{"delta":null,"finish_reason":"stop"}]}'), 502, "no tool"),
}


@pytest.mark.parametrize("case", FAILURES, ids=FAILURES)
def test_a_model_that_fails(start, case):
    step, status, words = FAILURES[case]
    server, _ = start(step, max_rounds=2)
    answer = ask(server, picture(303))
    assert answer.status_code == status, answer.text
    if case != "odd types":
        assert words in answer.json()["error"]["message"], answer.text
    last = check_stream(stream(server, picture(303)))
    assert last["status"] == "failed"
    assert last["error"]["code"] == ("rate_limit_exceeded" if status == 429 else "server_error")
    # The next one is answered all the same.
    assert get(server, "/v1/models").json()["data"][0]["id"] == "scripted"


def test_no_server_at_all(tmp_path):
    with Server(tmp_path / "data", config='[assistant]\nurl = "http://127.0.0.1:1/v1"\n') as server:
        answer = ask(server, None, "hello")
        assert answer.status_code == 502 and "127.0.0.1" not in answer.text
        assert check_stream(stream(server, None, "hello"))["status"] == "failed"


def test_a_model_that_stalls(start):
    server, chat = start(stalls(30, "half "), idle_timeout_ms=500)
    begun = time.monotonic()
    last = check_stream(stream(server, None, "hello"))
    assert last["status"] == "failed" and text_of(last) == "half " and time.monotonic() - begun < 10
    assert last["output"][0]["status"] == "incomplete"
    assert ask(server, None, "hello").status_code == 502
    server, chat = start(stalls(30), timeout_ms=500)
    answer = ask(server, None, "hello")
    assert answer.status_code == 502 and "no answer within 500 ms" in answer.json()["error"]["message"]


def test_a_model_that_never_stops(start):
    server, chat = start(babbles())
    last = check_stream(stream(server, None, "hello"))
    assert last["status"] == "failed" and "does not end" in last["error"]["message"]
    assert chat.hung_up.wait(10)


def test_keep_alive_while_the_model_is_silent(start):
    server, _ = start(stalls(60, "word"))
    answer = ask(server, None, "hello", stream=True)
    begun = time.monotonic()
    for line in lines(answer):
        if line == ": keepalive":
            break
        assert time.monotonic() - begun < 30
    assert 8 < time.monotonic() - begun < 15
    answer.close()


@pytest.mark.parametrize("streams", [True, False])
def test_a_client_that_leaves_ends_the_call(start, streams):
    server, chat = start(stalls(60, "word"))
    import socket
    body = json.dumps({"model": "m", "stream": streams, "input": "hello"}).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        wait_for(lambda: chat.requests, "the upstream call")
        time.sleep(0.3)
        assert not chat.hung_up.is_set()
    assert chat.hung_up.wait(5)
    gauge = lambda: [l for l in server.call("GET", "/metrics").text.splitlines() if l.startswith("ocellus_http_long_answers")]
    wait_for(lambda: gauge() == ["ocellus_http_long_answers 0"], "the end of the answer")


def test_stopping_waits_for_a_stream(start):
    go_on = threading.Event()

    def step(handler):
        handler.head()
        handler.event(delta(content="first"))
        assert go_on.wait(20)
        handler.event(delta("stop", content=" last"))
        handler.event("[DONE]")
    server, _ = start(step)
    answer = ask(server, None, "hello", stream=True)
    got = []
    for event in events(answer):
        got.append(event)
        if event.get("delta") == "first":
            server.terminate()
            time.sleep(0.5)
            go_on.set()
    assert text_of(check_stream(got)) == "first last"
    assert server.process.wait(10) == 0


def test_stopping_does_not_wait_for_ever(tmp_path):
    with ChatServer(stalls(60, "word")) as chat:
        config = chat.config() + "[http]\ndrain_timeout_ms = 500\n"
        server = Server(tmp_path / "data", config=config).start()
        answer = ask(server, None, "hello", stream=True)
        wait_for(lambda: chat.requests, "the upstream call")
        begun = time.monotonic()
        assert server.stop() == 0 and time.monotonic() - begun < 8
        with pytest.raises(requests.exceptions.RequestException):
            list(answer.iter_content(100))


def test_many_streams_are_held(start):
    """200 answers wait for the model at one time, and searches are answered beside them."""
    go_on = threading.Event()

    def step(handler):
        handler.head()
        handler.event(delta(content="first"))
        go_on.wait(60)
        handler.event(delta("stop", content=" last"))
        handler.event("[DONE]")
    server, chat = start(step)
    got, lock = [], threading.Lock()

    def one():
        last = check_stream(stream(server, None, "hello"))
        with lock:
            got.append(text_of(last))
    threads = [threading.Thread(target=one) for _ in range(200)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(chat.requests) == 200, "200 upstream calls", timeout=60)
    begun = time.monotonic()
    assert server.by_image("shoes", picture(303))[0]["image_id"] == "s3"
    assert time.monotonic() - begun < 5
    assert "ocellus_http_long_answers 200" in server.call("GET", "/metrics").text
    go_on.set()
    for thread in threads:
        thread.join()
    assert got == ["first last"] * 200


def test_more_streams_than_the_limit(start, tmp_path):
    with ChatServer(stalls(60, "word")) as chat:
        config = chat.config() + "[http]\nmax_long_answers = 2\n"
        with Server(tmp_path / "few", config=config) as server:
            held = [ask(server, None, "hello", stream=True) for _ in range(2)]
            wait_for(lambda: len(chat.requests) == 2, "two upstream calls")
            busy = ask(server, None, "hello", stream=True)
            assert busy.status_code == 503 and busy.headers["Retry-After"] and busy.json()["error"]["type"] == "server_error"
            for answer in held:
                answer.close()
            wait_for(lambda: ask(server, None, "hello", stream=True).status_code == 200, "room for another")


def test_a_variable_that_is_not_set(tmp_path):
    server = Server(tmp_path / "data", config='[assistant]\nurl = "http://127.0.0.1:1/v1"\nkey_variable = "NO_SUCH_KEY"\n')
    with pytest.raises(AssertionError):
        server.start()
    assert "NO_SUCH_KEY" in server.log()
