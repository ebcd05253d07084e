"""Protobuf bodies made by Google's encoder: plain and deflated, repeated numbers packed and not."""
import random
import zlib

import pytest

from conftest import b64, picture
from protobuf_messages import Messages
from vector_front import ask, ask_wrongly, create, drop, post, push, vectorize

HEADERS = {"Content-Type": "application/protobuf"}
ROWS = [{
    "id": i, "title": f"a number {i} {'cat' if i % 3 == 0 else 'dog'}", "price": i / 2, "vector": [i, 0], "second": [1, i],
    "words": [i], "weights": [2.0], "picture": b64(picture(i, "PNG"))
} for i in range(8)]


@pytest.fixture(scope="module")
def table(server):
    create(
        server, "protobuf", {
            "id": "INT64", "title": "STRING", "price": "FLOAT", "vector": "MULTI_FLOAT", "second": "MULTI_FLOAT",
            "words": "MULTI_UINT32", "weights": "MULTI_FLOAT", "picture": "STRING", "picture_vector": "MULTI_FLOAT"
        }, [{"vectorField": "vector", "dimension": "2"}, {
            "vectorField": "second", "dimension": "2", "distanceType": "InnerProduct", "sparseIndexField": "words",
            "sparseValueField": "weights"
        }, {"vectorField": "picture_vector", "dimension": "0"}], process=[vectorize("picture", "picture_vector", "image")])
    push(server, "protobuf", ROWS)
    yield "protobuf"
    drop(server, "protobuf")


@pytest.fixture(params=["plain", "deflated", "raw deflate"])
def send(request, server):
    def call(name, message, wrongly=False):
        body = message if isinstance(message, bytes) else message.SerializeToString()
        headers = dict(HEADERS)
        if request.param != "plain":
            headers["Content-Encoding"] = "deflate"
            window = 15 if request.param == "deflated" else -15
            compress = zlib.compressobj(wbits=window)
            body = compress.compress(body) + compress.flush()
        return (ask_wrongly if wrongly else ask)(server, name, body, headers=headers)

    return call


@pytest.fixture(params=[False, True], ids=["unpacked", "packed"])
def messages(request):
    return Messages(request.param)


def without_time(body):
    if isinstance(body, list):
        return [without_time(b) for b in body]
    return {k: v for k, v in body.items() if k != "totalTime"}


def same(server, send, call, message, json):
    """The protobuf body and the JSON body of the same call have the same answer."""
    answer = without_time(send(call, message))
    assert answer == without_time(ask(server, call, json))
    return answer


def test_query(server, send, messages, table):
    answer = same(
        server, send, "query",
        messages.VectorSearchQuery(tableName=table, indexName="vector", vector=[3.25, 0], topK=3, includeVector=True,
                                   outputFields=["title", "price"], order="DESC", filter="price < 3", scoreThreshold=4,
                                   searchParams='{"a":1}', kvpairs={"x": "y", "z": ""}, timeout=-1, weight=1, namespace="",
                                   sort="", vectorCount=1),
        {
            "tableName": table, "indexName": "vector", "vector": [3.25, 0], "topK": 3, "includeVector": True,
            "outputFields": ["title", "price"], "order": "DESC", "filter": "price < 3", "scoreThreshold": 4
        })
    assert [h["id"] for h in answer["result"]] == [2, 4, 3]
    answer = same(server, send, "query", messages.VectorSearchQuery(tableName=table, vector=[0, 0] + [7, 0], vectorCount=2,
                                                                    topK=2),
                  {"tableName": table, "vector": [0, 0, 7, 0], "vectorCount": 2, "topK": 2})
    assert {h["id"] for h in answer["result"]} == {0, 7}
    answer = same(
        server, send, "query",
        messages.VectorSearchQuery(tableName=table, indexName="second", vector=[0, 1], order="DESC", topK=2,
                                   sparseData=messages.SparseData(count=[1], indices=[2], values=[50])), {
                                       "tableName": table, "indexName": "second", "vector": [0, 1], "order": "DESC", "topK": 2,
                                       "sparseData": {"count": [1], "indices": [2], "values": [50]}
                                   })
    assert [(h["id"], h["score"]) for h in answer["result"]] == [(2, 102), (7, 7)]


def test_every_other_call(server, send, messages, table):
    same(
        server, send, "multi-query",
        messages.VectorSearchQueries(
            tableName=table, topK=4, order="DESC", outputFields=["title"], queries=[
                messages.VectorSearchQuery(indexName="second", vector=[0, 1], weight=2),
                messages.VectorSearchQuery(indexName="second", vector=[1, 0])
            ]), {
                "tableName": table, "topK": 4, "order": "DESC", "outputFields": ["title"],
                "queries": [{"indexName": "second", "vector": [0, 1], "weight": 2}, {"indexName": "second", "vector": [1, 0]}]
            })
    answers = same(
        server, send, "batch-query",
        messages.VectorSearchQueries(
            queries=[messages.VectorSearchQuery(tableName=table, vector=[i, 0], topK=1) for i in (3, 5)]),
        {"queries": [{"tableName": table, "vector": [i, 0], "topK": 1} for i in (3, 5)]})
    assert [a["result"][0]["id"] for a in answers] == [3, 5]
    answer = same(server, send, "fetch", messages.FetchQuery(tableName=table, ids=["3", "5"]),
                  {"tableName": table, "ids": ["3", "5"]})
    assert all("vector" in h for h in answer["result"])  # includeVector's default is true
    same(
        server, send, "fetch",
        messages.FetchQuery(tableName=table, filter="price >= 1", sort="-price", limit=3, offset=1, includeVector=False,
                            outputFields=["price"]), {
                                "tableName": table, "filter": "price >= 1", "sort": "-price", "limit": 3, "offset": 1,
                                "includeVector": False, "outputFields": ["price"]
                            })
    same(
        server, send, "search",
        messages.HybridSearchQuery(
            tableName=table, size=5, outputFields=["title"], **{"from": 1},
            knn=messages.VectorSearchQuery(indexName="second", vector=[0, 1], topK=8),
            text=messages.TextSearchQuery(queryString="title:'cat'", queryParams={"default_op": "OR"}, filter="price > 0",
                                          weight=2), rank=messages.RankQuery(rrf=messages.Rrf(rankConstant=10))),
        {
            "tableName": table, "size": 5, "from": 1, "outputFields": ["title"], "knn": {
                "indexName": "second", "vector": [0, 1], "topK": 8
            }, "text": {"queryString": "title:'cat'", "queryParams": {"default_op": "OR"}, "filter": "price > 0", "weight": 2},
            "rank": {"rrf": {"rankConstant": "10"}}
        })
    answer = same(
        server, send, "aggregate",
        messages.AggregateQuery(
            tableName=table, filter="price > 0", groupKeys=["price"], limit=2,
            orderBy=[messages.OrderByDesc(field="n", direction="DESC"),
                     messages.OrderByDesc(field="price", direction="DESC")],
            aggFuncs=[messages.AggFuncDesc(name="n", func="count", args=["id"])]), {
                "tableName": table, "filter": "price > 0", "groupKeys": ["price"], "limit": 2, "orderBy": [{
                    "field": "n", "direction": "DESC"
                }, {"field": "price", "direction": "DESC"}], "aggFuncs": [{"name": "n", "func": "count", "args": ["id"]}]
            })
    assert [r["price"] for r in answer["result"]] == [3.5, 3]
    assert same(server, send, "stats", messages.StatsQuery(tableName=table),
                {"tableName": table})["stats"][0]["totalDocCount"] == len(ROWS)


def test_prediction(server, send, messages, table):
    answer = same(
        server, send, "inference-query",
        messages.VectorSearchQuery(tableName=table, indexName="picture_vector", modal="image", content=ROWS[6]["picture"],
                                   topK=1),
        {"tableName": table, "indexName": "picture_vector", "modal": "image", "content": ROWS[6]["picture"], "topK": 1})
    assert answer["result"][0]["id"] == 6


def test_what_the_message_does_not_know_is_passed_over(send, messages, table):
    known = messages.VectorSearchQuery(tableName=table, vector=[3, 0], topK=1).SerializeToString()
    unknown = bytes([(200 << 3 | 2) & 0x7F | 0x80, 200 << 3 >> 7]) + b"\x03abc"
    assert send("query", unknown + known + unknown)["result"][0]["id"] == 3
    # Of a field that is not repeated the last one counts.
    twice = messages.VectorSearchQuery(topK=5).SerializeToString() + known
    assert len(send("query", twice)["result"]) == 1


def test_damage_is_told(send, messages, table):
    whole = messages.VectorSearchQuery(tableName=table, vector=[3, 0, 1, 2], topK=3, filter="price > 1",
                                       sparseData=messages.SparseData(indices=[1], values=[1])).SerializeToString()
    wrong_type = b"\x50\x01" + whole          # tableName=10 as a number
    not_utf8 = b"\x52\x02\xff\xfe"            # tableName of bytes that are no text
    group = b"\x53" + whole                   # a group that is never closed
    too_long = b"\x52\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
    endless = b"\x18" + b"\xff" * 11          # a number of more than 64 bits
    half_a_float = b"\x0a\x03\x00\x00\x80"    # packed floats of three bytes
    for body in (whole[:-1], whole[:len(whole) // 2], wrong_type, not_utf8, group, too_long, endless, half_a_float, b"\xff"):
        answer = send("query", body, wrongly=True)
        assert answer["errorCode"] in (10001, 10005), (body, answer)
    assert send("query", messages.VectorSearchQuery(tableName=table, vector=[3, 0], topK=1))["result"][0]["id"] == 3


def test_random_damage(server, table):
    """Whatever is flipped: an answer or a reason, and the server goes on."""
    messages, rng = Messages(False), random.Random(7)
    whole = messages.HybridSearchQuery(
        tableName=table, size=5, knn=messages.VectorSearchQuery(indexName="second", vector=[0, 1], topK=8,
                                                                outputFields=["a", "b"], kvpairs={"k": "v"}),
        text=messages.TextSearchQuery(queryString="title:'cat'", queryParams={"default_op": "OR"}, weight=2)).SerializeToString()
    for _ in range(300):
        body = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        answer = post(server, "/vector-service/search", bytes(body), headers=HEADERS)
        assert answer.status_code == 200 and ("result" in answer.json() or answer.json()["errorMsg"]), answer.text
    for call in ("query", "multi-query", "batch-query", "fetch", "aggregate", "stats", "inference-query", "search"):
        for size in (1, 10, 1000):
            answer = post(server, f"/vector-service/{call}", rng.randbytes(size), headers=HEADERS)
            assert answer.status_code == 200 and isinstance(answer.json(), (dict, list)), answer.text


def test_an_empty_body_is_a_message_without_fields(server, table):
    for call in ("query", "fetch", "stats"):
        answer = ask_wrongly(server, call, b"", headers=HEADERS)
        assert "tableName" in answer["errorMsg"]
