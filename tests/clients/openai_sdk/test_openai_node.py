"""OpenAI's own client for Node: the programs in node/, each run as a user would."""
import pytest
import requests

from openai_fixtures import base_url, data_url, picture_of, place, run_node  # noqa: F401 fixtures


@pytest.fixture
def run(base_url):
    def run(program, **variables):
        return run_node(program, base_url, **{"PICTURE": data_url(picture_of("green", 128)), **variables})
    return run


def test_a_search_by_picture(run, place):
    *images, last = run("plain", PICTURE=place.web.url + "/green.jpg")
    assert images[0]["title"] == "A green disc" and [i["index"] for i in images] == list(range(1, len(images) + 1))
    assert requests.get(images[0]["url"], timeout=10).status_code == 200
    assert "A green disc" in last["text"]
    assert last["usage"]["x_tools"] == {"image_search": {"count": 1}}


def test_a_search_in_a_stream(run):
    (got,) = run("stream")
    assert got["types"][0] == "response.created" and got["types"][-1] == "response.completed"
    assert got["images"][0]["title"] == "A green disc" and "A green disc" in got["text"]
    assert got["usage"]["total_tokens"] > 0


def test_the_stream_helper(run):
    (got,) = run("helper")
    assert got["status"] == "completed" and got["text"] == got["output_text"]
    assert got["images"][0]["title"] == "A green disc"


def test_a_search_by_words(run):
    (got,) = run("words")
    assert got["usage"]["x_tools"] == {"web_search_image": {"count": 1}} and got["text"]
    assert got["types"][0] == "response.created" and got["types"][-1] == "response.completed"
    titles = [image["title"] for image in got["images"]]
    assert titles and titles == [image["title"] for image in got["streamed"]]


def test_embeddings(run):
    (got,) = run("embeddings")
    assert len(got["plain"]) == 2 and got["usage"]["total_tokens"] == 5
    for decoded, plain in zip(got["decoded"], got["plain"]):
        assert decoded == pytest.approx(plain, abs=1e-7)


def test_files(run, tmp_path):
    file = tmp_path / "disc.jpg"
    file.write_bytes(picture_of("yellow", 128))
    (got,) = run("files", PICTURE_FILE=str(file))
    assert got["file"]["object"] == "file" and got["file"]["bytes"] == file.stat().st_size
    assert got["images"][0]["title"] == "A yellow disc" and got["same"]


def test_errors_are_the_clients_own(run):
    (got,) = run("errors")
    assert {what: (error["name"], error["status"]) for what, error in got.items()} == {
        "key": ("AuthenticationError", 401), "picture": ("BadRequestError", 400), "response": ("NotFoundError", 404),
        "embedding": ("NotFoundError", 404)}
    assert all(error["code"] and error["message"] for error in got.values())
