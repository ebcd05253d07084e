"""Where pictures come from, what becomes of them, and indexes that come after the rows."""
import functools
import http.server
import io
import threading

import pytest
import requests
from PIL import Image

from conftest import Server, b64, picture, wait_for
from vector_front import TABLES, ask, create, drop, made, post, push, vectorize

FIELDS = {"id": "INT64", "photo": "STRING", "title": "STRING", "vector": "MULTI_FLOAT"}
INDEX = [{"vectorField": "vector", "dimension": "0"}]
PROCESS = [vectorize("photo", "vector", "image")]


def nearest(server, table, data, **more):
    body = {"tableName": table, "modal": "image", "content": b64(data), "topK": 1} | more
    [hit] = ask(server, "inference-query", body)["result"]
    return hit["id"], hit["score"]


def test_base64_data_urls_and_stored_paths(server):
    folder = server.roots / "vector_pictures"
    folder.mkdir(exist_ok=True)
    for i in (3, 4):
        (folder / f"{i}.png").write_bytes(picture(i, "PNG"))
    with made(server, "pictures_from", FIELDS, INDEX, process=PROCESS):
        push(server, "pictures_from",
             [{"id": 1, "photo": b64(picture(1, "PNG"))}, {"id": 2, "photo": "data:image/png;base64," + b64(picture(2, "PNG"))},
              {"id": 3, "photo": "vector_pictures/3.png"}, {"id": 4, "photo": "oss://photos/vector_pictures/4.png"}])
        for i in range(1, 5):
            number, score = nearest(server, "pictures_from", picture(i, "PNG"))
            assert number == i and score == pytest.approx(0, abs=1e-5)
        # What was sent comes back.
        rows = {
            h["id"]: h["fields"]["photo"] for h in ask(server, "fetch", {"tableName": "pictures_from", "ids": [1, 3]})["result"]
        }
        assert rows == {1: b64(picture(1, "PNG")), 3: "vector_pictures/3.png"} or rows[3] == b64(picture(3, "PNG"))
        for outside in ("../secret.png", "/etc/hostname", "oss://elsewhere/4.png", "vector_pictures/none.png",
                        "file:///etc/hostname"):
            answer = post(server, "/update/x_pictures_from/actions/bulk",
                          [{"cmd": "add", "fields": {"id": 9, "photo": outside}}]).json()
            assert answer["status"] == "FAIL" and "photo" in answer["errors"][0]["message"], outside
        assert ask(server, "stats", {"tableName": "pictures_from"})["stats"][0]["totalDocCount"] == 4


def test_urls(tmp_path):
    """Loopback is reached only where the configuration says so."""
    (tmp_path / "a.png").write_bytes(picture(1, "PNG"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{site.server_port}/a.png"
        document = [{"cmd": "add", "fields": {"id": 1, "photo": url}}]
        loopback = f'[fetch]\nenabled = true\nports = [{site.server_port}]\nallow_networks = ["127.0.0.0/8"]\n'
        for config in ("", loopback.replace('"127.0.0.0/8"', ""), loopback):
            allowed = config == loopback
            with Server(tmp_path / f"data{len(config)}", config=config) as server:
                create(server, "urls", FIELDS, INDEX, process=PROCESS)
                answer = post(server, "/update/x_urls/actions/bulk", document).json()
                if not allowed:
                    assert answer["status"] == "FAIL" and "photo" in answer["errors"][0]["message"]
                    continue
                assert answer["status"] == "OK", answer
                assert nearest(server, "urls", picture(1, "PNG"))[0] == 1
                by_url = ask(server, "inference-query", {"tableName": "urls", "modal": "image", "content": url})["result"]
                assert by_url[0]["id"] == 1 and by_url[0]["score"] == pytest.approx(0, abs=1e-5)
        site.shutdown()


def test_rows_without_a_picture_are_not_found_by_one(server):
    with made(server, "some_pictures", FIELDS, INDEX, process=PROCESS):
        push(server, "some_pictures",
             [{"id": 1, "photo": b64(picture(1, "PNG"))}, {"id": 2, "title": "none"}, {"id": 3, "photo": ""}])
        hits = ask(server, "inference-query", {"tableName": "some_pictures", "modal": "text", "content": "anything"})["result"]
        assert [h["id"] for h in hits] == [1]
        assert ask(server, "stats", {"tableName": "some_pictures"})["stats"][0]["totalDocCount"] == 3
        push(server, "some_pictures", [{"id": 2, "photo": b64(picture(2, "PNG"))}], "update")
        assert nearest(server, "some_pictures", picture(2, "PNG"))[0] == 2
        [row] = ask(server, "fetch", {"tableName": "some_pictures", "ids": [2]})["result"]
        assert row["fields"]["title"] == "none"  # an update leaves the rest as it is
        push(server, "some_pictures", [{"id": 1, "photo": b64(picture(5, "PNG"))}], "update")
        assert nearest(server, "some_pictures", picture(5, "PNG"))[0] == 1  # and makes the vector again
        push(server, "some_pictures", [{"id": 1, "title": "x"}], "update")
        assert nearest(server, "some_pictures", picture(5, "PNG"))[0] == 1


def change(server, table, **body):
    changed = requests.put(f"{server.url}{TABLES}/{table}", json=body, timeout=60)
    assert changed.status_code == 200, changed.text


def test_an_index_that_comes_after_the_rows(server):
    fields = FIELDS | {"later": "MULTI_FLOAT"}
    with made(server, "later_index", FIELDS, INDEX, process=PROCESS):
        push(server, "later_index", [{"id": i, "photo": b64(picture(i, "PNG")), "title": f"title number {i}"} for i in range(20)])
        indexes = [{
            "indexName": f, "vectorField": f, "dimension": "0", "distanceType": "SquaredEuclidean", "vectorIndexType": "HNSW"
        } for f in ("vector", "later")]
        change(server, "later_index", fieldSchema=fields, vectorIndex=indexes,
               dataProcessConfig=PROCESS + [vectorize("title", "later", "text")])
        body = {"tableName": "later_index", "indexName": "later", "modal": "text", "content": "title number 7", "topK": 20}
        hits = wait_for(
            lambda: (lambda found: found if len(found) == 20 else None)(ask(server, "inference-query", body)["result"]),
            "vectors for the rows there")
        assert hits[0]["id"] == 7 and hits[0]["score"] == pytest.approx(0, abs=1e-5)
        assert nearest(server, "later_index", picture(3, "PNG"), indexName="vector")[0] == 3
        # And without it again.
        change(server, "later_index", fieldSchema=FIELDS, vectorIndex=indexes[:1], dataProcessConfig=PROCESS)
        answer = post(server, "/vector-service/inference-query", body).json()
        assert answer["errorCode"] == 10003
        assert nearest(server, "later_index", picture(3, "PNG"))[0] == 3


def test_a_subject_is_found_better_than_the_whole(server):
    """A small subject on a plain ground: cropped, it finds its own picture first."""
    things = [Image.open(io.BytesIO(picture(i, "PNG", size=(160, 120)))) for i in range(12)]
    with made(server, "subjects", FIELDS, INDEX, process=PROCESS):
        push(server, "subjects", [{"id": i, "photo": b64(picture(i, "PNG", size=(160, 120)))} for i in range(12)])
        right = {True: 0, False: 0}
        for i, thing in enumerate(things):
            scene = Image.new("RGB", (640, 480), (235, 235, 235))
            scene.paste(thing, (40 + 30 * i, 300 - 20 * i))
            out = io.BytesIO()
            scene.save(out, "PNG")
            for crop in (True, False):
                more = {"searchParams": '{"crop":true}'} if crop else {}
                right[crop] += nearest(server, "subjects", out.getvalue(), **more)[0] == i
        assert right[True] >= 10 and right[True] > right[False], right


def test_a_table_goes_with_its_pictures(server):
    create(server, "short_lived", FIELDS, INDEX, process=PROCESS)
    push(server, "short_lived", [{"id": 1, "photo": b64(picture(1, "PNG"))}])
    assert drop(server, "short_lived").status_code == 200
    create(server, "short_lived", FIELDS, INDEX, process=PROCESS)
    try:
        assert ask(server, "fetch", {"tableName": "short_lived"})["result"] == []
    finally:
        drop(server, "short_lived")
