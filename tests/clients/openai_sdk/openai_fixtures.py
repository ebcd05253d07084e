"""Fixtures: a server with a key and pictures in two libraries, a web beside it, and OpenAI's clients for it."""
import io
import json
import os
import pathlib
import subprocess

import openai
import pytest
from PIL import Image, ImageDraw

from conftest import b64
from picture_web import server_beside_a_web

PROGRAMS = pathlib.Path(__file__).parent / "node"
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


def question(picture, text="Which pictures look like this one?"):
    return [{"role": "user", "content": [{"type": "input_text", "text": text},
                                         {"type": "input_image", "image_url": picture}]}]


def searches(output):
    """What a program of the documentation prints: every search's results."""
    results = []
    for item in output:
        if item.type == "image_search_call" and item.status == "completed" and item.output:
            results.append([(entry["index"], entry["title"], entry["url"]) for entry in json.loads(item.output)])
    return results


def run_node(program, base_url, **variables):
    """What a program of node/ says, a value a line."""
    environment = {"PATH": os.environ["PATH"], "BASE_URL": base_url, "API_KEY": KEY, **variables}
    done = subprocess.run(["node", program + ".mjs"], cwd=PROGRAMS, env=environment, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


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
