"""The Model Context Protocol through its official Python client, over both transports and in both eras."""
import asyncio
import base64
import io
import json
import os

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

from conftest import BINARY
from openai_fixtures import KEY, b64, picture_of, place  # noqa: F401 a fixture

MODES = ["auto", "legacy", "2026-07-28"]


def over_http(place):
    client = httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
    return streamable_http_client(place.url + "/mcp", http_client=client)


def over_stdio(place, key=KEY, url=None):
    return stdio_client(StdioServerParameters(
        command=str(BINARY), args=["mcp", "--server", url or place.url],
        env={"OCELLUS_API_KEY": key, "PATH": os.environ["PATH"]}))


TRANSPORTS = {"http": over_http, "stdio": over_stdio}


@pytest.fixture(params=[(t, m) for t in TRANSPORTS for m in MODES], ids=lambda p: "-".join(p))
def using(place, request):
    """Runs an async function with a connected client."""
    transport, mode = request.param

    def run(function):
        async def connected():
            async with Client(TRANSPORTS[transport](place), mode=mode) as client:
                return await asyncio.wait_for(function(client), 60)
        return asyncio.run(connected())
    return run


def results_of(result):
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content["results"]


def test_tools_are_listed(using):
    async def tools(client):
        return (await client.list_tools()).tools
    listed = using(tools)
    assert [t.name for t in listed] == ["list_libraries", "search_by_text", "search_by_image", "get_image"]
    assert all(t.description and t.annotations.read_only_hint for t in listed)


def test_a_picture_is_found_and_shown(using, place):
    async def walk(client):
        libraries = await client.call_tool("list_libraries", {})
        found = await client.call_tool("search_by_image", {"image": b64(picture_of("green")), "top_k": 3,
                                                           "contact_sheet": True})
        first = results_of(found)[0]
        shown = await client.call_tool("get_image", {k: first[k] for k in ("library", "image_id", "image_uri")})
        return libraries, found, shown
    libraries, found, shown = using(walk)
    assert {l["name"]: l["pictures"] for l in libraries.structured_content["libraries"]} == {"discs": 4, "other": 1}
    results = results_of(found)
    assert [r["index"] for r in results] == [1, 2, 3]
    assert results[0]["image_id"] == "green" and results[0]["score"] > 0.99
    assert results[0]["tags"]["color"] == "green"
    sheet = Image.open(io.BytesIO(base64.b64decode(found.content[1].data)))
    assert found.content[1].mime_type == "image/jpeg" and min(sheet.size) > 300
    picture = Image.open(io.BytesIO(base64.b64decode(shown.content[0].data)))
    assert picture.size == (96, 96)


def test_words_filters_and_urls(using, place):
    async def search(client):
        words = await client.call_tool("search_by_text", {"text": "a yellow disc", "libraries": ["discs"], "filters": [
            {"field": "color", "op": "in", "value": ["blue", "green"]}]})
        url = await client.call_tool("search_by_image", {"image": place.web.url + "/blue.jpg", "top_k": 1})
        like = await client.call_tool("search_by_image", {"like": {"library": "discs", "image_id": "red"}, "top_k": 2})
        return words, url, like
    words, url, like = using(search)
    assert {r["image_id"] for r in results_of(words)} == {"blue", "green"}
    assert results_of(url)[0]["image_id"] == "blue"
    assert {(r["library"], r["image_id"]) for r in results_of(like)} == {("discs", "red"), ("other", "red")}


def test_mistakes_are_told_to_the_model(using):
    async def mistakes(client):
        return [await client.call_tool("search_by_text", {"text": ""}),
                await client.call_tool("search_by_text", {"text": "a", "libraries": ["nowhere"]}),
                await client.call_tool("search_by_image", {"image": "no picture"}),
                await client.call_tool("search_by_image", {"image": "http://169.254.169.254/latest"}),
                await client.call_tool("get_image", {"library": "discs", "image_id": "mauve"})]
    for result in using(mistakes):
        assert result.is_error and result.content[0].text
    async def unknown(client):
        return await client.call_tool("delete_everything", {})
    with pytest.raises(Exception) as error:
        using(unknown)
    assert "there is no tool" in flat(error.value)


def test_many_calls_at_once(using):
    async def many(client):
        return await asyncio.gather(*(client.call_tool("search_by_text", {"text": f"disc {i}"}) for i in range(20)))
    assert all(len(results_of(r)) == 5 for r in using(many))


def test_a_wrong_key_and_a_missing_server_are_told(place):
    async def connect(**more):
        async with Client(over_stdio(place, **more), mode="legacy") as client:
            await client.list_tools()
    with pytest.raises(BaseException) as error:
        asyncio.run(connect(key="a-wrong-key-of-some-length"))
    assert "API key" in flat(error.value)
    with pytest.raises(BaseException) as error:
        asyncio.run(connect(url="http://127.0.0.1:1"))
    assert "no server at http://127.0.0.1:1" in flat(error.value)


def flat(error):
    """The texts of a group of exceptions."""
    return " ".join([str(error), *(flat(e) for e in getattr(error, "exceptions", []))])
