"""Fixtures: a server with a key, a web beside it, and the address for clients of Jina's interface."""
import io

import pytest
from PIL import Image, ImageDraw

from picture_web import server_beside_a_web

KEY = "a-key-of-some-length-for-tests"


def picture_of(colour, side=128):
    image = Image.new("RGB", (side, side), "white")
    ImageDraw.Draw(image).ellipse((8, 8, side - 8, side - 8), fill=colour)
    image.format = "PNG"
    return image


def bytes_of(image):
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    pages = {f"/{colour}.png": bytes_of(picture_of(colour)) for colour in ("red", "blue")}
    with server_beside_a_web(tmp_path_factory.mktemp("jina"), pages, env={"OCELLUS_API_KEY": KEY}) as (server, web):
        server.web = web
        server.api_base = server.url + "/v1"
        yield server
