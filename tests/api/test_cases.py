"""Requests and what they are answered, as data: cases/*.json."""
import io
import json
import pathlib
import struct
import zlib

import pytest

from conftest import b64, picture
from holes import fits

FILES = sorted((pathlib.Path(__file__).parent / "cases").glob("*.json"))
CASES = [pytest.param(case, id=f"{path.stem}: {case['name']}") for path in FILES for case in json.loads(path.read_text())]


def huge_png():
    """The header of a PNG of 60,000 x 60,000 pixels, and little more."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def filled(value):
    """The value with its "@name argument" strings replaced by what they stand for."""
    if isinstance(value, dict):
        return {k: filled(v) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v) for v in value]
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    name, _, argument = value[1:].partition(" ")
    made = {
        "picture": lambda: b64(picture(int(argument))),
        "data-url": lambda: "data:image/jpeg;base64," + b64(picture(int(argument))),
        "truncated": lambda: b64(picture(int(argument), size=(640, 480))[:-400]),
        "text": lambda: b64(b"Dear diary, this is a text file.\n" * 20),
        "long": lambda: "x" * int(argument),
        "huge-png": lambda: b64(huge_png()),
    }
    return made[name]()


@pytest.mark.parametrize("case", CASES)
def test_case(server, case):
    try:
        for number, step in enumerate(case["steps"]):
            method, path = step["call"].split()
            answer = server.call(method, path, filled(step["body"]))
            place = f"step {number}: {step['call']}"
            assert answer.status_code == step["status"], f"{place}: {answer.status_code} {answer.text[:500]}"
            assert answer.headers["Content-Type"].startswith("application/json")
            wrong = fits(filled(step["answer"]), answer.json())
            assert wrong is None, f"{place}: {wrong}"
    finally:
        for step in case["steps"]:
            if step["call"] == "POST /library/create" and step["status"] == 200:
                server.call("POST", "/library/delete", {"library_name": step["body"]["library_name"]})


def test_a_score_of_itself_is_nearly_one(server, library):
    server.add(library, "i", "u", picture(7))
    assert server.by_image(library, picture(7))[0]["score"] == pytest.approx(1, abs=2e-3)


def test_results_are_sorted_and_at_most_top_k(server, library):
    for seed in range(12):
        server.add(library, f"i{seed}", "u", picture(seed))
    assert len(server.by_image(library, picture(3))) == 10
    results = server.by_image(library, picture(3), top_k=12)
    assert results[0]["image_id"] == "i3"
    scores = [r["score"] for r in results]
    assert len(scores) == 12 and scores == sorted(scores, reverse=True)
    # A smaller top_k is the beginning of a larger one.
    assert server.by_image(library, picture(3), top_k=5) == results[:5]


MODE_ALIASES = ["mode", "search_mode", "work_mode", "working_mode", "library_mode", "search_type"]


@pytest.mark.parametrize("alias", MODE_ALIASES)
def test_mode_aliases(server, alias):
    data = server.data_of("POST", "/library/create", {"library_name": f"mode_{alias}", alias: "general_search"})
    assert data["mode"] == "general_search"
    server.delete(f"mode_{alias}")


@pytest.mark.parametrize("prefix", ["library", "libraries", "image-library", "lib"])
def test_path_aliases(server, prefix):
    name = f"path_{prefix}"
    server.data_of("POST", f"/{prefix}/create", {"library_name": name, "mode": "general_search"})
    assert name in [l["library_name"] for l in server.data_of("GET", f"/{prefix}/list")["libraries"]]
    server.data_of("POST", f"/{prefix}/delete", {"library_name": name})
    assert name not in [l["library_name"] for l in server.data_of("GET", "/libraries")["libraries"]]


def test_plain_libraries_path(server):
    server.data_of("POST", "/libraries", {"library_name": "plain", "mode": "general_search"})
    server.delete("plain")


@pytest.mark.parametrize("alias", ["text", "query_text", "query", "content", "text_query"])
def test_text_aliases(server, library, alias):
    server.add(library, "i", "u", picture(1))
    body = {"library_name": library, alias: "a picture", "return_frame": False}
    assert len(server.data_of("POST", "/search/by-text", body)["results"]) == 1


def test_bodies_that_are_not_json(server):
    for body in [b"", b"{", b"not json", b'{"a": }', b"\xff\xfe", b'{"library_name": "\xff"}', b"[" * 10000, b'{"a": 1} x']:
        answer = server.call("POST", "/search/by-text", data=body)
        assert answer.status_code == 400, body[:20]
        envelope = answer.json()
        assert envelope["status"] == "INVALID_PARAMETER" and envelope["message"] and envelope["data"] is None


def test_a_picture_over_the_limit(server, library):
    answer = server.call("POST", "/image/add", {"library_name": library, "image_id": "i", "image_uri": "u",
                                                "image_base64": b64(picture(1) + b"\0" * (20 << 20))})
    assert answer.status_code == 400 and answer.json()["status"] == "INVALID_IMAGE"
    assert "limit" in answer.json()["message"]


def test_the_sixth_library(tmp_path):
    from conftest import Server
    with Server(tmp_path / "data") as server:
        for i in range(5):
            server.create(f"lib{i}")
        answer = server.call("POST", "/library/create", {"library_name": "lib5", "mode": "general_search"})
        assert answer.status_code == 403
        assert answer.json()["status"] == "LIBRARY_LIMIT_EXCEEDED"
        server.delete("lib0")
        server.create("lib5")
