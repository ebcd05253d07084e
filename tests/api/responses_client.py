"""Calls of the Responses front as plain HTTP, and its events."""
import json

import requests
from conftest import b64


def data_url(picture, kind="image/jpeg"):
    return f"data:{kind};base64,{b64(picture)}"


def ask(server, picture=None, text=None, *, key=None, base="/v1", **more):
    """POST /responses with one user message; the answer as it is."""
    content = [{"type": "input_text", "text": text}] if text else []
    for one in picture if isinstance(picture, list) else [picture] if picture else []:
        content.append(one if isinstance(one, dict) else
                       {"type": "input_image", "image_url": one if isinstance(one, str) else data_url(one)})
    body = {"model": "qwen3.7-plus", "tools": [{"type": "image_search"}],
            "input": [{"role": "user", "content": content}]} | more
    return post(server, body, key=key, base=base)


def post(server, body, *, key=None, base="/v1", timeout=60):
    return requests.post(f"{server.url}{base}/responses", json=body, headers=head(server, key),
                         stream=bool(body.get("stream")), timeout=timeout)


def head(server, key=None):
    key = key or server.key
    return {"Authorization": f"Bearer {key}"} if key else {}


def get(server, path, *, key=None, method="GET", **more):
    return requests.request(method, server.url + path, headers=head(server, key), timeout=60, **more)


def events(answer):
    """The events of a stream, as they come; checked for what every stream must keep to."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    number = 0
    name = None
    for line in lines(answer):
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            event = json.loads(line[6:])
            assert event["type"] == name and event["sequence_number"] == number, event
            number += 1
            yield event


def lines(answer):
    """The lines of a body as they come. (iter_lines() with a chunk of one byte takes minutes for a long one.)"""
    rest = b""
    for part in answer.iter_content(chunk_size=None):
        *whole, rest = (rest + part).split(b"\n")
        yield from (line.decode() for line in whole)
    assert rest == b""


def stream(server, *arguments, **more):
    answer = ask(server, *arguments, stream=True, **more)
    return list(events(answer))


def found(item):
    assert item["status"] == "completed" and item["name"] == item["type"].removesuffix("_call"), item
    return json.loads(item["output"])


def text_of(response):
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def check_stream(got):
    """The order that the clients insist on: added before done, no index passed over, one id an item. Gives the last response."""
    types = [event["type"] for event in got]
    assert types[0] == "response.created" and got[0]["response"]["output"] == []
    assert types[1] == "response.in_progress"
    assert types[-1] in ("response.completed", "response.incomplete", "response.failed"), types
    assert not set(types[:-1]) & {"response.completed", "response.incomplete", "response.failed"}
    open_items, done, text = {}, [], ""
    for event in got[2:-1]:
        kind = event["type"]
        if kind == "response.output_item.added":
            assert event["output_index"] == len(done) and not open_items
            item = event["item"]
            assert item["status"] == "in_progress" and "output" not in item
            if item["type"] == "message":
                assert item["content"] == []
            open_items[event["output_index"]] = item
        elif kind == "response.output_item.done":
            item = open_items.pop(event["output_index"])
            assert event["item"]["id"] == item["id"] and event["item"]["type"] == item["type"]
            if item["type"] == "message":
                assert event["item"]["content"][0]["text"] == text
                text = ""
            else:
                assert isinstance(json.loads(event["item"]["output"]), list)
            done.append(event["item"])
        else:
            assert kind in ("response.content_part.added", "response.output_text.delta", "response.output_text.done",
                            "response.content_part.done"), kind
            assert event["item_id"] == open_items[event["output_index"]]["id"] and event["content_index"] == 0
            if kind == "response.output_text.delta":
                text += event["delta"]
            elif kind == "response.output_text.done":
                assert event["text"] == text
    assert not open_items
    last = got[-1]["response"]
    assert last["output"] == done and last["status"] == types[-1].removeprefix("response.")
    return last
