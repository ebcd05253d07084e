"""Fixtures: a server with a key and pictures in two libraries, a web beside it, and OpenAI's client for it."""
import io

import openai
import pytest
from PIL import Image, ImageDraw

from conftest import b64
from picture_web import server_beside_a_web

KEY = "a-key-of-some-length-for-tests"
COLOURS = {"red": (200, 30, 30), "green": (30, 160, 40), "blue": (40, 60, 210), "yellow": (240, 220, 40)}


def picture_of(colour, side=96):
    """A disc of that colour on white."""
    image = Image.new("RGB", (side, side), "white")
    ImageDraw.Draw(image).ellipse((8, 8, side - 8, side - 8), fill=COLOURS[colour])
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


def data_url(picture):
    return "data:image/jpeg;base64," + b64(picture)


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    pages = {f"/{colour}.jpg": picture_of(colour, 128) for colour in COLOURS}
    folder = tmp_path_factory.mktemp("openai")
    with server_beside_a_web(folder, pages, env={"OCELLUS_API_KEY": KEY}) as (server, web):
        server.create("discs")
        server.create("other")
        for colour in COLOURS:
            server.add("discs", colour, f"{colour}.jpg", picture_of(colour),
                       {"title": f"A {colour} disc", "color": colour})
        server.add("other", "red", "red.jpg", picture_of("red", 64))
        server.web = web
        yield server


@pytest.fixture(scope="session", params=["/v1", "/compatible-mode/v1"])
def base_url(place, request):
    return place.url + request.param


@pytest.fixture(scope="session")
def client(base_url):
    with openai.OpenAI(base_url=base_url, api_key=KEY, max_retries=0) as client:
        yield client
