"""10,000 photographs pushed as base64: queries find what a brute force and the other front find."""
import concurrent.futures
import http.client
import json
import time

import numpy
import pytest

from conftest import PREFIX, b64, photo_tar
from vector_front import ask, create, drop, push, vectorize

COUNT, TOP = 10_000, 20
LIBRARY = "recall_library"
TEXTS = ["a dog running on grass", "a red car", "vegetables on a market", "a bridge over a river", "people at a table", "a cat",
         "a plane in the sky", "a glass of wine", "snow on a mountain", "a yellow flower", "an old church", "a chair"]


def post_all(server, path, bodies, connections=8):
    """POSTs each body on kept connections; the answers in order."""
    def work(part):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        answers = []
        for body in part:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answers.append((answer.status, json.loads(answer.read())))
        connection.close()
        return answers

    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        return [a for part in pool.map(work, [bodies[i::connections] for i in range(connections)]) for a in part]


def tags_of(number, name):
    return {"source": name.split("/")[0], "number": number}


class Collection:
    """The pictures in both fronts, and their vectors for the brute force."""

    def __init__(self, server):
        self.server = server
        photographs = photo_tar(COUNT + 16)
        if len(photographs) < COUNT + 16:
            pytest.skip(f"only {len(photographs)} photographs, {COUNT + 16} are wanted")
        self.pictures = [b64(data) for _, data in photographs[:COUNT]]
        self.tags = [tags_of(i, name) for i, (name, _) in enumerate(photographs[:COUNT])]
        self.strangers = [b64(data) for _, data in photographs[COUNT:]]

    def fill(self):
        begin = time.monotonic()
        create(self.server, "recall",
               {"id": "INT64", "picture": "STRING", "source": "STRING", "number": "INT32", "vector": "MULTI_FLOAT"},
               [{"vectorField": "vector", "dimension": "0"}], process=[vectorize("picture", "vector", "image")])
        documents = [
            {"cmd": "add", "fields": {"id": i, "picture": p} | t} for i, (p, t) in enumerate(zip(self.pictures, self.tags))
        ]
        answers = post_all(self.server, "/update/ha-cn-test_recall/actions/bulk",
                           [json.dumps(documents[i:i + 50]) for i in range(0, COUNT, 50)])
        assert all(a == (200, {"status": "OK", "code": 200}) for a in answers)
        print(f"pushed {COUNT / (time.monotonic() - begin):.0f} pictures/s")
        begin = time.monotonic()
        self.server.create(LIBRARY)
        answers = post_all(self.server, PREFIX + "/image/add", [
            json.dumps({
                "library_name": LIBRARY, "image_id": str(i), "image_uri": "u", "image_base64": p, "tags": t, "save_image": False
            }) for i, (p, t) in enumerate(zip(self.pictures, self.tags))
        ], connections=16)
        assert all(status == 200 for status, _ in answers)
        print(f"added {COUNT / (time.monotonic() - begin):.0f} pictures/s")
        rows = [
            hit for offset in range(0, COUNT, 1000) for hit in ask(
                self.server, "fetch",
                {"tableName": "recall", "limit": 1000, "offset": offset, "sort": "+number", "outputFields": ["number"]})["result"]
        ]
        assert [row["id"] for row in rows] == list(range(COUNT))
        self.vectors = numpy.array([row["vector"] for row in rows], numpy.float32)
        # The vectors of queries, through a table that vectorises both kinds.
        create(self.server, "recall_queries",
               {"id": "INT64", "picture": "STRING", "text": "STRING", "by_picture": "MULTI_FLOAT", "by_text": "MULTI_FLOAT"},
               [{"vectorField": "by_picture", "dimension": "0"}, {"vectorField": "by_text", "dimension": "0"}],
               process=[vectorize("picture", "by_picture", "image"),
                        vectorize("text", "by_text", "text")])
        self.questions = [("image", p) for p in self.strangers + self.pictures[::1000]] + [("text", t) for t in TEXTS]
        push(self.server, "recall_queries",
             [{"id": i, "picture" if modal == "image" else "text": content} for i, (modal, content) in enumerate(self.questions)])
        self.query_vectors = []
        for i, (modal, _) in enumerate(self.questions):
            index = "by_picture" if modal == "image" else "by_text"
            [hit] = ask(
                self.server, "query", {
                    "tableName": "recall_queries", "indexName": index, "vector": [0.0] * self.vectors.shape[1],
                    "filter": f"id = {i}", "includeVector": True
                })["result"]
            self.query_vectors.append(numpy.array(hit["vector"], numpy.float32))
        return self

    def distances(self, question):
        return ((self.vectors - self.query_vectors[question]) ** 2).sum(axis=1)

    def check(self, question, hits, admits=None):
        """hits: [(id, squared distance or None)]; the nearest of those that are admitted, in this order."""
        distances = self.distances(question)
        wanted = numpy.sort(distances if admits is None else distances[admits])[:TOP]
        ids = [i for i, _ in hits]
        assert len(ids) == len(set(ids)) == len(wanted)
        assert admits is None or all(admits[i] for i in ids)
        assert distances[ids] == pytest.approx(wanted, abs=2e-5)  # who are equally far may change places
        for i, score in hits:
            assert score is None or score == pytest.approx(float(distances[i]), abs=2e-5)


@pytest.fixture(scope="module")
def collection(server):
    yield Collection(server).fill()
    drop(server, "recall")
    drop(server, "recall_queries")
    server.delete(LIBRARY)


def predict(collection, question, **more):
    modal, content = collection.questions[question]
    body = {"tableName": "recall", "modal": modal, "content": content, "topK": TOP} | more
    return [(hit["id"], hit["score"]) for hit in ask(collection.server, "inference-query", body)["result"]]


def through_the_other_front(collection, question, **more):
    modal, content = collection.questions[question]
    path, key = ("/search/by-image", "image_base64") if modal == "image" else ("/search/by-text", "text")
    body = {"library_name": LIBRARY, key: content, "top_k": TOP, "return_frame": False} | more
    return [(int(r["image_id"]), None) for r in collection.server.data_of("POST", path, body)["results"]]


def test_text_and_picture_queries(collection):
    for question in range(len(collection.questions)):
        hits = predict(collection, question)
        collection.check(question, hits)
        collection.check(question, through_the_other_front(collection, question))
        by_vector = ask(collection.server, "query",
                        {"tableName": "recall", "vector": collection.query_vectors[question].tolist(), "topK": TOP})["result"]
        collection.check(question, [(hit["id"], hit["score"]) for hit in by_vector])


def test_pictures_find_themselves(collection):
    for number in range(0, COUNT, 500):
        body = {"tableName": "recall", "modal": "image", "content": collection.pictures[number], "topK": 5}
        hits = ask(collection.server, "inference-query", body)["result"]
        assert number in [hit["id"] for hit in hits if hit["score"] < 1e-4], number


FILTERS = [('source = "tiny"', lambda t: t["source"] == "tiny", {"field": "source", "op": "=", "value": "tiny"}),
           ("number < 100", lambda t: t["number"] < 100, {"field": "number", "op": "<", "value": 100}),
           ('source != "tiny" AND (number >= 5000 OR number = 17)', lambda t: t["source"] != "tiny" and
            (t["number"] >= 5000 or t["number"] == 17), {
                "and": [{"field": "source", "op": "!=", "value": "tiny"},
                        {"or": [{"field": "number", "op": ">=", "value": 5000}, {"field": "number", "op": "=", "value": 17}]}]
            }),
           ("number IN (5, 77, 9999)", lambda t: t["number"] in
            (5, 77, 9999), {"field": "number", "op": "in", "value": [5, 77, 9999]}),
           ("number * 2 > 19990", lambda t: t["number"] * 2 > 19990, {"field": "number", "op": ">", "value": 9995}),
           ("number < 0", lambda t: False, {"field": "number", "op": "<", "value": 0})]


@pytest.mark.parametrize("text, says, tag_filter", FILTERS, ids=[f[0] for f in FILTERS])
def test_filtered_queries(collection, text, says, tag_filter):
    admits = numpy.array([says(t) for t in collection.tags])
    for question in range(0, len(collection.questions), 3):
        collection.check(question, predict(collection, question, filter=text), admits)
        collection.check(question, through_the_other_front(collection, question, tag_filter=tag_filter), admits)
