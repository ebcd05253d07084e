"""Imports in the background."""
import json

import pytest

from conftest import Server, b64, picture, wait_for

ALIASES = ["oss_path", "oss_uri", "oss_url", "file_path", "file_uri", "jsonl_path", "jsonl_uri", "input_path", "path"]


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return path


def finished(server, task, timeout=60):
    def state():
        data = server.data_of("GET", f"/image/tasks/results/{task}")
        return data if data["status"] not in ("PENDING", "RUNNING") else None
    return wait_for(state, "the task's end", timeout)


def start(server, library, location, **more):
    return server.data_of("POST", "/image/tasks/create", {"library_name": library, "oss_path": str(location), **more})["task_id"]


def test_lines_of_every_kind(server, library):
    (server.roots / "pictures").mkdir(exist_ok=True)
    (server.roots / "pictures/2.jpg").write_bytes(picture(2))
    lines = write_lines(server.roots / "kinds/import.jsonl", [
        {"image_id": "1", "image_uri": "any", "image_base64": b64(picture(1)), "tags": {"color": "red"}},
        {"image_id": "2", "image_uri": "oss://photos/pictures/2.jpg", "tags": {"color": "blue"}},
        {"image_id": "3", "image_uri": f"file://{server.roots}/pictures/2.jpg", "save_image": False},
        "\n",
        {"image_id": "4", "image_uri": "oss://photos/pictures/none.jpg"},
        "not json\n",
        {"image_id": "5", "image_uri": "u", "image_base64": "AAAA"},
        {"image_uri": "u", "image_base64": b64(picture(1))},
    ])
    data = finished(server, start(server, library, f"file://{lines}"))
    assert data["status"] == "PARTIAL"
    assert (data["total"], data["success"], data["failed"]) == (7, 3, 4)
    assert data["library_name"] == library and data["create_time"] and data["finish_time"]
    errors = {e["line"]: e for e in data["errors"]}
    # Blank lines have a number too, so that an editor finds the line.
    assert [e["image_id"] for e in data["errors"]] == ["4", None, "5", None]
    assert all(e["message"] for e in data["errors"])
    assert "image_base64" in next(e for e in data["errors"] if e["image_id"] == "5")["message"]
    assert len(errors) == 4
    assert server.count(library) == 3
    assert server.by_image(library, picture(1))[0]["tags"] == {"color": "red"}


@pytest.mark.parametrize("alias", ALIASES)
def test_location_aliases(server, library, alias):
    lines = write_lines(server.roots / "one.jsonl", [{"image_id": "1", "image_uri": "u", "image_base64": b64(picture(1))}])
    task = server.data_of("POST", "/image/tasks/create", {"library_name": library, alias: str(lines)})["task_id"]
    data = finished(server, task)
    assert data["status"] == "SUCCEEDED" and data["errors"] == []


@pytest.mark.parametrize("location, status", [
    ("/etc/passwd", 400), ("file:///etc/passwd", 400), ("../../etc/passwd", 400), ("oss://other/x.jsonl", 400),
    ("oss://photos/../../etc/passwd", 400), ("none.jsonl", 400), ("http://127.0.0.1/x.jsonl", 403), ("ftp://x/y", 400),
    ("", 400), (5, 400)])
def test_places_that_are_not_open(server, library, location, status):
    answer = server.call("POST", "/image/tasks/create", {"library_name": library, "oss_path": location})
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]


def test_a_file_with_nothing_right(server, library):
    lines = write_lines(server.roots / "wrong.jsonl", ["x\n", "y\n"])
    data = finished(server, start(server, library, lines))
    assert data["status"] == "FAILED" and data["failed"] == 2


def test_a_task_goes_on_after_a_restart(tmp_path):
    roots = tmp_path / "roots"
    count = 400
    lines = write_lines(roots / "many.jsonl",
                        [{"image_id": str(i), "image_uri": "u", "image_base64": b64(picture(i % 50, size=(320, 240)))} for i in range(count)])
    config = f'[import]\nroots = ["{roots}"]\n'
    with Server(tmp_path / "data", config=config) as server:
        server.create("many")
        task = start(server, "many", lines)
        wait_for(lambda: server.data_of("GET", f"/image/tasks/results/{task}")["success"] > 20, "some progress")
        before = server.data_of("GET", f"/image/tasks/results/{task}")
        assert before["status"] == "RUNNING" and before["success"] < count
        assert server.stop() == 0
        server.start()
        wait_for(lambda: server.count("many") > before["success"], "more progress")
        server.kill()  # in the middle once more, without a word
        server.start()
        data = finished(server, task)
        assert (data["status"], data["success"], data["failed"]) == ("SUCCEEDED", count, 0)
        assert server.count("many") == count
