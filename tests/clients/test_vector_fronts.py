"""What one front stores the other finds; what was acknowledged is there after a kill."""
import random
import threading
import time

import pytest
import requests

from conftest import Server, b64, picture, wait_for
from vector_front import TABLES, ask, ask_wrongly, create, drop, made, post, push, vectorize


def listed(server):
    return {t["name"]: t for t in requests.get(server.url + TABLES, timeout=10).json()["result"]}


def test_a_library_is_a_table_here(server, library):
    for i in range(6):
        server.add(library, str(i), f"photos/{i}.png", picture(i, "PNG"), {"colour": "red" if i % 2 else "blue", "number": i})
    assert listed(server)[library]["status"] == "IN_USE"
    table = requests.get(f"{server.url}{TABLES}/{library}", timeout=10).json()["result"]
    assert {"image_id", "image_uri"} <= set(table["fieldSchema"]) and len(table["vectorIndex"]) == 1
    assert ask(server, "stats", {"tableName": library})["stats"][0]["totalDocCount"] == 6
    predict = {
        "tableName": library, "modal": "image", "content": b64(picture(3, "PNG")), "topK": 3,
        "outputFields": ["image_id", "image_uri", "colour"]
    }
    metric = table["vectorIndex"][0]["distanceType"]
    order = {"order": "ASC" if metric == "SquaredEuclidean" else "DESC"}
    hits = ask(server, "inference-query", predict | order)["result"]
    assert hits[0]["fields"] == {"image_id": "3", "image_uri": "photos/3.png", "colour": "red"}
    theirs = server.by_image(library, picture(3, "PNG"), top_k=3)
    assert [h["fields"]["image_id"] for h in hits] == [r["image_id"] for r in theirs]
    words = ask(server, "inference-query",
                {"tableName": library, "modal": "text", "content": "a circle", "topK": 6, "outputFields": ["image_id"]} |
                order)["result"]
    assert [h["fields"]["image_id"] for h in words] == [r["image_id"] for r in server.by_text(library, "a circle", top_k=6)]
    red = ask(server, "inference-query", predict | order | {"filter": 'colour = "red" AND number > 1', "topK": 10})["result"]
    assert {h["fields"]["image_id"] for h in red} == {"3", "5"}
    fetched = ask(server, "fetch", {"tableName": library, "filter": "image_id = '4'", "includeVector": False})["result"]
    assert len(fetched) == 1 and fetched[0]["fields"]["image_uri"] == "photos/4.png"
    # It is the other front's to write.
    refused = post(server, f"/update/x_{library}/actions/bulk", [{"cmd": "delete", "fields": {"image_id": "4"}}]).json()
    assert refused["status"] == "FAIL" and refused["errors"][0]["message"]
    assert server.count(library) == 6


def libraries(server):
    return {l["library_name"]: l for l in server.data_of("GET", "/library/list")["libraries"]}


def test_a_table_of_pictures_is_a_library_there(server):
    fields = {"id": "STRING", "picture": "STRING", "colour": "STRING", "number": "INT32", "vector": "MULTI_FLOAT"}
    with made(server, "pictures_here", fields, [{"vectorField": "vector", "dimension": "0"}],
              process=[vectorize("picture", "vector", "image")]):
        push(server, "pictures_here",
             [{"id": f"p{i}", "picture": b64(picture(i, "PNG")), "colour": "red" if i % 2 else "blue", "number": i}
              for i in range(6)])
        assert libraries(server)["pictures_here"]["image_count"] == 6
        found = server.by_image("pictures_here", picture(3, "PNG"), top_k=3)
        assert found[0]["image_id"] == "p3" and found[0]["score"] > .99
        ours = ask(server, "inference-query",
                   {"tableName": "pictures_here", "modal": "image", "content": b64(picture(3, "PNG")), "topK": 3})["result"]
        assert [r["image_id"] for r in found] == [h["id"] for h in ours]
        ours = ask(server, "inference-query",
                   {"tableName": "pictures_here", "modal": "text", "content": "a circle", "topK": 6})["result"]
        assert [r["image_id"] for r in server.by_text("pictures_here", "a circle", top_k=6)] == [h["id"] for h in ours]
        refused = server.call(
            "POST", "/image/add",
            {"library_name": "pictures_here", "image_id": "x", "image_uri": "u", "image_base64": b64(picture(1))})
        assert 400 <= refused.status_code < 500 and "pictures_here" in refused.json()["message"]
        assert ask(server, "stats", {"tableName": "pictures_here"})["stats"][0]["totalDocCount"] == 6
    assert "pictures_here" not in libraries(server)


def test_a_name_is_taken_in_both(server, library):
    answer = post(server, TABLES, {"name": library, "primaryKey": "id", "fieldSchema": {"id": "INT64", "vector": "MULTI_FLOAT"},
                                   "vectorIndex": [{"indexName": "v", "vectorField": "vector", "dimension": "2"}]})
    assert answer.status_code == 409 and library in answer.json()["message"]
    with made(server, "taken_here", {"id": "INT64", "vector": "MULTI_FLOAT"}, [{"vectorField": "vector", "dimension": "2"}]):
        answer = server.call("POST", "/library/create", {"library_name": "taken_here", "mode": "general_search"})
        assert answer.status_code == 409
    for removed in (server.call("POST", "/library/delete", {"library_name": "taken_here"}), drop(server, "taken_here")):
        assert removed.status_code == 404


# Durability

FIELDS = {
    "id": "INT64", "title": "STRING", "tags": "MULTI_STRING", "picture": "STRING", "vector": "MULTI_FLOAT",
    "picture_vector": "MULTI_FLOAT"
}


def row(i, note):
    made_row = {"id": i, "title": f"title {note} number{i}", "tags": [note, str(i % 7)], "vector": [float(i), 1.0], "extra": note}
    return made_row | ({"picture": b64(picture(i % 5, "PNG"))} if i % 40 == 0 else {})


def make(server, name):
    return create(server, name, FIELDS,
                  [{"vectorField": "vector", "dimension": "2"}, {"vectorField": "picture_vector", "dimension": "0"}],
                  process=[vectorize("picture", "picture_vector", "image")])


def check(server, name, rows, unsure=()):
    """Every acknowledged row is there, as last acknowledged, and in every index; `unsure` may be either."""
    got = {}
    for offset in range(0, 100_000, 5000):
        page = ask(server, "fetch", {"tableName": name, "filter": "", "sort": "+id", "limit": 5000, "offset": offset,
                                     "outputFields": ["title", "tags", "extra"]})["result"]
        got |= {h["id"]: h for h in page}
        if len(page) < 5000:
            break
    assert set(got) - set(unsure) == set(rows) - set(unsure)
    for i, note in rows.items():
        if i not in unsure:
            assert got[i]["fields"] == {"title": f"title {note} number{i}", "tags": [note, str(i % 7)], "extra": note}
            assert got[i]["vector"] == [float(i), 1.0]
    for i in random.Random(1).sample(sorted(set(rows) - set(unsure)), 20):
        assert ask(server, "query", {"tableName": name, "vector": [i, 1], "topK": 1})["result"][0]["id"] == i
        assert [
            h["id"] for h in ask(server, "search", {"tableName": name, "text": {"queryString": f"title:'number{i}'"}})["result"]
        ] == [i]
        assert i in {
            h["id"]
            for h in ask(server, "query",
                         {"tableName": name, "vector": [i, 1], "filter": f'tags = "{i % 7}" AND extra = "{rows[i]}"'})["result"]
        }


WORKERS, BLOCK = 4, 25


class Worker(threading.Thread):
    """Pushes blocks of its own numbers, and now and then deletes some, until the server is gone."""

    def __init__(self, server, number, rows, note):
        super().__init__()
        self.url, self.number, self.note = server.url + "/update/x_kept/actions/bulk", number, note
        self.rows = {n: of for n, of in rows.items() if n // BLOCK % WORKERS == number}
        self.unsure, self.refusal, self.blocks = set(), None, 0

    def run(self):
        session, block = requests.Session(), self.number
        while True:
            numbers = range(block * BLOCK, (block + 1) * BLOCK)
            doomed = [n for n in self.rows if n % 29 == 3 and n not in numbers][:3]
            documents = [{"cmd": "add", "fields": row(n, self.note)} for n in numbers
                        ] + [{"cmd": "delete", "fields": {"id": n}} for n in doomed]
            self.unsure = {*numbers, *doomed}
            try:
                answer = session.post(self.url, json=documents, timeout=60).json()
            except requests.RequestException:
                return  # not answered: it may be there, and it may not
            if answer != {"status": "OK", "code": 200}:
                self.refusal = answer
                return
            self.rows |= dict.fromkeys(numbers, self.note)
            for n in doomed:
                self.rows.pop(n)
            self.unsure, block, self.blocks = set(), block + WORKERS, self.blocks + 1


def test_what_was_answered_survives_a_kill(tmp_path):
    with Server(tmp_path / "data") as server:
        make(server, "kept")
        rows = {}
        for round in range(3):
            workers = [Worker(server, number, rows, f"round{round}") for number in range(WORKERS)]
            for worker in workers:
                worker.start()
            time.sleep(1.0 + .3 * round)
            wait_for(lambda: sum(worker.blocks for worker in workers) > 6, "enough pushes to lose some", timeout=60)
            server.kill()
            for worker in workers:
                worker.join()
                assert worker.refusal is None
            rows = {n: note for worker in workers for n, note in worker.rows.items()}
            unsure = {n for worker in workers for n in worker.unsure}
            assert sum(note == f"round{round}" for note in rows.values()) > 100
            server.start()
            check(server, "kept", rows, unsure)
            for n in sorted(unsure):  # whichever it became, it is known again
                push(server, "kept", [row(n, f"round{round}")])
                rows[n] = f"round{round}"
        assert ask(
            server, "inference-query",
            {"tableName": "kept", "indexName": "picture_vector", "modal": "image", "content": b64(picture(0, "PNG")), "topK": 1
            })["result"]


def test_tables_survive_a_kill(tmp_path):
    with Server(tmp_path / "data") as server:
        make(server, "first")
        push(server, "first", [row(i, "x") for i in range(50)])
        before = requests.get(f"{server.url}{TABLES}/first", timeout=10).json()["result"]
        make(server, "second")
        changed = requests.put(f"{server.url}{TABLES}/second", json={"fieldSchema": FIELDS | {"more": "INT32"}}, timeout=60)
        assert changed.status_code == 200, changed.text
        assert drop(server, "second").status_code == 200
        make(server, "stopped")
        assert requests.post(f"{server.url}/openapi/ha3/instances/x/indexes/stopped/stopIndex", timeout=10).status_code == 200
        changed = requests.put(f"{server.url}{TABLES}/first", json={"fieldSchema": FIELDS | {"more": "INT32"}}, timeout=60)
        assert changed.status_code == 200, changed.text
        server.kill()
        server.start()
        tables = listed(server)
        assert set(tables) == {"first", "stopped"} and tables["stopped"]["status"] != "IN_USE"
        after = requests.get(f"{server.url}{TABLES}/first", timeout=10).json()["result"]
        assert after["fieldSchema"] == before["fieldSchema"] | {"more": "INT32"} and after["vectorIndex"] == before["vectorIndex"]
        check(server, "first", {i: "x" for i in range(50)})
        ask_wrongly(server, "query", {"tableName": "stopped", "vector": [1, 2]})


def test_a_table_changes_while_it_is_used(server):
    """Pushes and queries go on beside changes of the schema; whatever was acknowledged is there."""
    fields = {"id": "INT64", "title": "STRING", "vector": "MULTI_FLOAT"}
    with made(server, "changing", fields, [{"vectorField": "vector", "dimension": "2"}]):
        push(server, "changing", [{"id": 0, "title": "x", "vector": [0, 1]}])
        done, wrong, kept = threading.Event(), [], [set() for _ in range(3)]

        def use(number):
            session, i = requests.Session(), number
            while not done.is_set():
                i += 3
                document = {"cmd": "add", "fields": {"id": i, "title": f"number{i}", "vector": [i, 1]}}
                answer = session.post(server.url + "/update/x_changing/actions/bulk", json=[document], timeout=60).json()
                if answer.get("status") != "OK":
                    wrong.append(answer)
                    continue
                kept[number].add(i)
                for call, more in (("query", {"vector": [i, 1]}), ("fetch", {"ids": [i]}),
                                   ("search", {"text": {"queryString": f"title:'number{i}'"}})):
                    answer = session.post(f"{server.url}/vector-service/{call}", json={"tableName": "changing"} | more,
                                          timeout=60).json()
                    if [hit["id"] for hit in answer.get("result", [])[:1]] != [i]:
                        wrong.append((call, i, answer))

        threads = [threading.Thread(target=use, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        try:
            for i in range(12):
                more = {f"extra{j}": "INT32" for j in range(i % 4)}
                changed = requests.put(f"{server.url}{TABLES}/changing", json={"fieldSchema": fields | more}, timeout=60)
                assert changed.status_code == 200, changed.text
                time.sleep(.05)
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert not wrong, wrong[:3]
        there = ask(server, "fetch",
                    {"tableName": "changing", "limit": 10_000, "includeVector": False, "outputFields": ["id"]})["result"]
        assert {h["id"] for h in there} == {0}.union(*kept) and len(there) > 30


def test_an_ordinary_restart(tmp_path):
    with Server(tmp_path / "data") as server:
        make(server, "kept")
        push(server, "kept", [row(i, "x") for i in range(300)])
        question = {"tableName": "kept", "vector": [7.4, 1], "topK": 10, "filter": 'tags = "3"', "outputFields": ["title"]}
        before = ask(server, "query", question)["result"]
        assert server.stop() == 0
        server.start()
        assert ask(server, "query", question)["result"] == before


@pytest.mark.parametrize("body", [[], [{"cmd": "delete", "fields": {"id": 1}}]])
def test_pushes_of_little(server, body):
    with made(server, "little", {"id": "INT64", "vector": "MULTI_FLOAT"}, [{"vectorField": "vector", "dimension": "2"}]):
        answer = post(server, "/update/x_little/actions/bulk", body)
        assert answer.status_code == 200 and answer.json() == {"status": "OK", "code": 200}
