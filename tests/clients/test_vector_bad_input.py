"""What is wrong is told, with the field; the server goes on and no row changes."""
import json
import random
import struct
import zlib

import pytest
import requests

from conftest import b64, picture
from vector_front import TABLES, ask, ask_wrongly, create, drop, error_of, post, push, vectorize

NAME = "unharmed"
FIELDS = {
    "id": "INT64", "name": "STRING", "small": "INT8", "unsigned": "UINT16", "price": "FLOAT", "tags": "MULTI_STRING",
    "sizes": "MULTI_INT32", "shelf": "STRING", "picture": "STRING", "vector": "MULTI_FLOAT", "spaced": "MULTI_FLOAT",
    "picture_vector": "MULTI_FLOAT", "both": "MULTI_FLOAT", "words": "MULTI_UINT32", "weights": "MULTI_FLOAT"
}
ROWS = [{
    "id": i, "name": f"row {i}", "small": i, "unsigned": i, "price": i / 4, "tags": ["a", f"t{i}"], "sizes": [i], "shelf": "s",
    "picture": b64(picture(i, "PNG")), "vector": [i, 1, 0], "spaced": [i, 2], "words": [i], "weights": [1.5]
} for i in range(5)]
PICTURE = ROWS[0]["picture"]


@pytest.fixture(scope="module")
def filled(server):
    create(server, NAME, FIELDS, [{
        "vectorField": "vector", "dimension": "3", "distanceType": "InnerProduct", "sparseIndexField": "words",
        "sparseValueField": "weights"
    }, {"vectorField": "spaced", "dimension": "2", "namespace": "shelf"}, {"vectorField": "picture_vector", "dimension": "0"},
                                  {"vectorField": "both", "dimension": "0"}],
           process=[vectorize("picture", "picture_vector", "image"),
                    vectorize("name,picture", "both", "fusion")])
    push(server, NAME, ROWS)
    yield snapshot(server)
    drop(server, NAME)


def snapshot(server):
    return sorted(ask(server, "fetch", {"tableName": NAME, "filter": ""})["result"], key=lambda row: row["id"])


@pytest.fixture(autouse=True)
def nothing_changes(server, filled):
    yield
    assert server.process.poll() is None, server.log()[-3000:]
    now = snapshot(server)
    if now != filled:  # the other tests shall find it as it was
        push(server, NAME, [{"id": row["id"]} for row in now], "delete")
        push(server, NAME, ROWS)
    assert now == filled
    assert ask(server, "query", {"tableName": NAME, "vector": [1, 0, 0], "topK": 1, "order": "DESC"})["result"][0]["id"] == 4


def refused(server, call, body, code, *words, **more):
    answer = ask_wrongly(server, call, body, **more)
    assert answer["errorCode"] == code, answer
    for word in words:
        assert word.lower() in answer["errorMsg"].lower(), answer
    return answer


GOOD = {
    "query": {"tableName": NAME, "vector": [1, 2, 3]},
    "inference-query": {"tableName": NAME, "modal": "image", "content": PICTURE, "indexName": "picture_vector"},
    "multi-query": {"tableName": NAME, "queries": [{"vector": [1, 2, 3]}]}, "fetch": {"tableName": NAME, "ids": ["1"]},
    "search": {"tableName": NAME, "text": {"queryString": "name:'row'"}, "knn": {"vector": [1, 2, 3]}},
    "aggregate": {"tableName": NAME, "aggFuncs": [{"func": "count", "args": ["id"]}]}, "stats": {"tableName": NAME},
    "batch-query": {"queries": [{"tableName": NAME, "vector": [1, 2, 3]}]}
}


def test_what_is_right_is_answered(server):
    for call, body in GOOD.items():
        ask(server, call, body)


# Names


def test_unknown_tables(server):
    for call in set(GOOD) - {"batch-query"}:
        refused(server, call, GOOD[call] | {"tableName": "no_such_table"}, 10002, "no_such_table")
        for wrong in (None, 5, ["x"], {}, "", "x" * 5000, "a\x00b"):
            answer = ask_wrongly(server, call, GOOD[call] | {"tableName": wrong})
            assert answer["errorCode"] in (10001, 10002), answer
    for answer in ask(server, "batch-query", {"queries": [{"tableName": "no_such_table", "vector": [1]}, {"vector": [1]}, 5]}):
        assert answer["errorCode"] in (10001, 10002)
    for source in ("no_such_table", "x_no_such_table", "_"):
        assert "no_such_table" in refuse_push(server, [], path=f"/update/{source}/actions/bulk") or source == "_"


def test_unknown_indexes(server):
    for call in ("query", "inference-query"):
        refused(server, call, GOOD[call] | {"indexName": "no_such_index"}, 10003, "no_such_index")
    refused(server, "multi-query", {"tableName": NAME, "queries": [{"vector": [1, 2, 3], "indexName": "no_such_index"}]}, 10003,
            "no_such_index")
    refused(server, "search", {"tableName": NAME, "knn": {"vector": [1, 2, 3], "indexName": "no_such_index"}}, 10003,
            "no_such_index")


def test_unknown_fields(server):
    # Rows may have fields that the schema does not know; where only the schema's can stand, others are refused.
    refused(server, "aggregate", GOOD["aggregate"] | {"orderBy": [{"field": "no_such_field"}]}, 10001, "no_such_field")
    refused(server, "search", {"tableName": NAME, "text": {"queryString": "no_such_field:'x'"}}, 10001, "no_such_field")
    for sort in ("price +", "no_such_field", "-vector"):
        refused(server, "fetch", {"tableName": NAME, "sort": sort}, 10004, "sort")
    for wrong in ("vector > 3", "vector = 1", "picture_vector = 2"):
        refused(server, "fetch", {"tableName": NAME, "filter": wrong}, 10004, "vector")


# Vectors


@pytest.mark.parametrize("vector", [[1, 2], [1, 2, 3, 4], [], [1, 2, 3] * 2])
def test_wrong_dimensions(server, vector):
    refused(server, "query", GOOD["query"] | {"vector": vector}, 10005 if vector else 10001, "vector")
    if vector:
        refused(server, "multi-query", {"tableName": NAME, "queries": [{"vector": vector}]}, 10005, "vector")
        assert "vector" in refuse_push(server, [add(vector=vector)])
        assert "vector" in refuse_push(server, [add(vector=",".join(map(str, vector)))])
        ask_wrongly(server, "search", {"tableName": NAME, "knn": {"vector": vector}})


@pytest.mark.parametrize("element",
                         ["NaN", "Infinity", "-Infinity", "1e999", '"nan"', '"inf"', '"x"', "null", "true", "[1]", "1e39"])
def test_elements_that_are_no_numbers(server, element):
    answer = ask_wrongly(server, "query", '{"tableName":"%s","vector":[1,%s,3]}' % (NAME, element))
    assert answer["errorCode"] == 10001
    documents = '[{"cmd":"add","fields":{"id":77,"vector":[1,%s,3],"spaced":[1,2],"picture":"%s"}}]' % (element, PICTURE)
    refuse_push(server, documents)


def test_vectors_as_other_things(server):
    for vector in ("1,2,3", 5, {}, {"0": 1}, [[1, 2, 3]], None):
        if vector != "1,2,3":  # a text with commas may be read as what it says
            assert ask_wrongly(server, "query", GOOD["query"] | {"vector": vector})["errorCode"] == 10001
    for wrong in ({"x": 1}, True, 1.5):
        assert "vector" in refuse_push(server, [add(vector=wrong)])
    for wrong in ("nan,1,2", "1,,2", "1;2;3", "one,two,three"):
        assert "vector" in refuse_push(server, [add(vector=wrong)])
    for count in (0, -1, 2, 3.5, "x", 2**40):
        assert "vectorCount" in ask_wrongly(server, "query", GOOD["query"] | {"vectorCount": count})["errorMsg"]


def test_sparse_vectors(server):
    for indices, values, count in \
            ([1], None, None), (None, [1], None), ([1, 2], [1], None), ([-1], [1], None), ([2**40], [1], None), \
            (["x"], [1], None), ([1], ["x"], None), ([1], [1], [5]):
        parts = {"indices": indices, "values": values, "count": count}
        sparse = {name: part for name, part in parts.items() if part is not None}
        answer = ask_wrongly(server, "query", GOOD["query"] | {"sparseData": sparse})
        assert answer["errorCode"] == 10001 and "sparse" in answer["errorMsg"], (sparse, answer)
    for sparse in ([], "1:2", 5):
        refused(server, "query", GOOD["query"] | {"sparseData": sparse}, 10001, "sparseData")
    refused(server, "query", {
        "tableName": NAME, "indexName": "spaced", "namespace": "s", "vector": [1, 2],
        "sparseData": {"indices": [1], "values": [1]}
    }, 10001, "sparse")
    for words, weights in ([1, 2], [1]), ([-1], [1]), (["x"], [1]), ([1], []):
        refuse_push(server, [add(words=words, weights=weights)])


def test_namespaces(server):
    refused(server, "query", {"tableName": NAME, "indexName": "spaced", "vector": [1, 2]}, 10001, "namespace")
    refused(server, "query", {"tableName": NAME, "indexName": "spaced", "vector": [1, 2], "namespace": ["s"]}, 10001, "namespace")
    refused(server, "query", GOOD["query"] | {"namespace": "s"}, 10001, "namespace")  # the index has none
    assert ask(server, "query", {"tableName": NAME, "indexName": "spaced", "vector": [1, 2], "namespace": "s"})["totalCount"] == 5


# Sizes, types, expressions


@pytest.mark.parametrize(
    "call, field, values",
    [("query", "topK", [-1, 0, 1.5, "x", [], 10**9, 2**63 - 1]), ("inference-query", "topK", [-1, 0, "x"]),
     ("multi-query", "topK", [-5, 0, {}]), ("fetch", "limit", [-1, "x", 10**9]), ("fetch", "offset", [-1, "x", 1.5]),
     ("search", "size", [-1, "x", 10**9]), ("search", "from", [-1, "x"]), ("query", "timeout", ["x", []]),
     ("query", "scoreThreshold", ["x", [], True]), ("query", "order", ["UP", 5, []]),
     ("query", "includeVector", ["perhaps", 5, []]), ("query", "outputFields", ["name", 5, [5], {}]),
     ("query", "filter", [5, [], {}]), ("query", "sort", [5, ["-a"], "-", "a b", "+no(", "--"]),
     ("query", "sorts",
      [5, [5], [{"order": "ASC"}], [{"order": "UP", "expression": "price"}], [{"order": "ASC", "expression": "price +"}]]),
     ("query", "searchParams", ["{", "[]", 5, "nonsense"]), ("query", "textQueryString", ["name:'row'"]),
     ("multi-query", "mode", ["avg", 5]),
     ("multi-query", "queries", [[], {}, 5, [5], [{"vector": [1, 2, 3], "weight": "x"}], [{"vector": [1, 2, 3]}] * 1000]),
     ("batch-query", "queries", [{}, 5, [{"tableName": NAME, "vector": [1, 2, 3]}] * 10_000]),
     ("fetch", "ids", [5, "1", [[1]], [None], [{}]]),
     ("aggregate", "aggFuncs", [[], 5, [5], [{"func": "median", "args": ["price"]}], [{"func": "max"}], [{"args": ["price"]}],
                                [{"func": "max", "args": ["vector"]}], [{"func": "max", "args": ["price", "small"]}]]),
     ("aggregate", "groupKeys", [5, [5], ["vector"], ["name"] * 1000]),
     ("aggregate", "orderBy", [5, [5], [{"direction": "ASC"}], [{"field": "COUNT(id)", "direction": "UP"}]]),
     ("search", "text", [
         5, [], {"queryString": 5}, {"queryString": ""}, {"queryString": "name:'"}, {"queryString": "name:"},
         {"queryString": "AND"}, {"queryString": "name:'a' AND"}, {"queryString": "(name:'a'"},
         {"queryString": "name:'row'", "weight": "x"}, {"queryString": "name:'row'", "queryParams": {"default_op": "XOR"}},
         {"queryString": "(" * 10_000}, {"queryString": "price:'3'"}
     ]), ("search", "rank", [5, {"rrf": 5}, {"rrf": {"rankConstant": "x"}}, {"rrf": {"rankConstant": "-61"}}]),
     ("search", "knn", [5, [], {"vector": [1]}, {"topK": 3}])])
def test_values_of_the_wrong_kind(server, call, field, values):
    for value in values:
        answer = ask_wrongly(server, call, GOOD[call] | {field: value})
        assert answer["errorCode"] in (10001, 10004, 10005), (value, answer)
        assert field in answer["errorMsg"] or (call, field) in [("search", "knn")], (value, answer)


def test_bodies_that_are_no_request(server):
    for call in GOOD:
        for body in ("", "{", "[]", "5", "null", '"x"', "{}", '{"tableName"', '{"a":1}{"b":2}', b"\xff\xfe", "[" * 100_000,
                     '{"tableName":"\\ud800"}', '{"x":' * 2000 + "1" + "}" * 2000, b'{"tableName":"a\x00b"}', "a=b&c=d",
                     '{"topK":%d}' % 2**70):
            answer = ask_wrongly(server, call, body)
            assert answer["errorCode"] == 10001, (call, body[:40], answer)


# Pictures


def test_contents(server):
    ask_for = GOOD["inference-query"]
    huge = zlib.compress(b"\0" * (1 << 16))
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in (
        (b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)), (b"IDAT", huge), (b"IEND", b"")))
    png = picture(1, "PNG")
    for content in ("", "not base64!", "AAAA", b64(b"plain text, no picture at all"), b64(png[:len(png) // 2]), b64(bomb),
                    "data:image/png;base64,", "data:text/plain;base64,AAAA", "data:image/png,xx", "oss://bucket/none.png",
                    "http://127.0.0.1:1/x.png", "file:///etc/passwd", "A" * 5):
        answer = ask_wrongly(server, "inference-query", ask_for | {"content": content})
        assert answer["errorCode"] in (10001, 10008, 10010, 10023), (content[:30], answer)
        assert "root:" not in answer["errorMsg"]
    for content in (5, ["x"], {}, None):
        assert "content" in ask_wrongly(server, "inference-query", ask_for | {"content": content})["errorMsg"]
    for modal in (None, "", "sound", 5, ["image"]):
        assert "modal" in ask_wrongly(server, "inference-query", ask_for | {"modal": modal})["errorMsg"]
    assert "content" in ask_wrongly(server, "inference-query", {k: v for k, v in ask_for.items() if k != "content"})["errorMsg"]
    # An index that no model fills cannot be asked with a picture.
    ask_wrongly(server, "inference-query", ask_for | {"indexName": "vector"})


@pytest.mark.parametrize("range", [
    "200,10,20,20", "10,100,5,5", "-5,0,20,20", "0,-1,20,20", "10,10,0,20", "10,10,20,-5", "10,10,200,20", "10,10,20,200",
    "1,2,3", "1,2,3,4,5", "a,b,c,d", "", "1e9,1,1,1", "nan,0,10,10", ";", 5, [1, 2, 3, 4], "99999999999999999999,1,1,1"
])
def test_ranges(server, range):
    params = json.dumps({"crop": True, "range": range})
    if range == "":  # empty is absent
        ask(server, "inference-query", GOOD["inference-query"] | {"searchParams": params})
    elif range in ("10,10,200,20", "10,10,20,200"):  # partly outside: what lies inside, or a reason
        answer = post(server, "/vector-service/inference-query", GOOD["inference-query"] | {"searchParams": params}).json()
        assert "range" in answer.get("errorMsg", "range")
    else:
        refused(server, "inference-query", GOOD["inference-query"] | {"searchParams": params}, 10001, "range")


def test_crop_of_other_kinds(server):
    for crop in ("yes", 5, [], {}):
        refused(server, "inference-query", GOOD["inference-query"] | {"searchParams": json.dumps({"crop": crop})}, 10001, "crop")


@pytest.mark.parametrize("contents, types", [(["a", "b"], "text"), (["a"], "text,image_encode"), (["a"], ""), ([], "text"),
                                             ([], ""), (None, "text"), ("a", "text"), (["a", 5], "text,text"), (["a"], "sound"),
                                             (["a"], 5), (["not base64!"], "image_encode"), (["a", ""], "text,image_encode"),
                                             (["a"] * 1000, ",".join(["text"] * 1000)), (["a"], "video_uri"),
                                             (["a", "b"], "text,")])
def test_fusion_parts(server, contents, types):
    body = {"tableName": NAME, "indexName": "both", "modal": "fusion", "contents": contents, "contentType": types}
    answer = ask_wrongly(server, "inference-query", body)
    assert answer["errorCode"] in (10001, 10008, 10023) and ("content" in answer["errorMsg"] or
                                                             "video" in answer["errorMsg"]), answer


# Pushes


def add(key=77, **fields):
    return {"cmd": "add", "fields": ROWS[1] | {"id": key} | fields}


def refuse_push(server, documents, path=f"/update/ha-cn-test_{NAME}/actions/bulk", status=(200, 400), **more):
    answer = post(server, path, documents, **more)
    assert answer.status_code in status, answer.text
    body = answer.json()
    assert body["status"] == "FAIL" and body["errors"] and all(e["code"] and e["message"] for e in body["errors"]), body
    return " ".join(e["message"] for e in body["errors"])


@pytest.mark.parametrize("fields, field", [({"id": "x"}, "id"), ({"id": None}, "id"), ({"id": 1.5}, "id"), ({"id": 2**70}, "id"),
                                           ({"id": [1]}, "id"), ({"small": 300}, "small"), ({"small": -129}, "small"),
                                           ({"small": "x"}, "small"), ({"small": 1.5}, "small"), ({"small": [1]}, "small"),
                                           ({"unsigned": -1}, "unsigned"), ({"unsigned": 65536}, "unsigned"),
                                           ({"price": "dear"}, "price"), ({"price": "nan"}, "price"), ({"price": {}}, "price"),
                                           ({"price": "1e999"}, "price"), ({"name": ["x"]}, "name"), ({"name": {}}, "name"),
                                           ({"tags": [["x"]]}, "tags"), ({"tags": {"a": 1}}, "tags"), ({"sizes": ["x"]}, "sizes"),
                                           ({"sizes": "1,x"}, "sizes"), ({"sizes": [2**31]}, "sizes"),
                                           ({"picture": "not base64!"}, "picture"), ({"picture": b64(b"no picture")}, "picture"),
                                           ({"picture": 5}, "picture"), ({"picture": ["x"]}, "picture")])
def test_fields_of_a_push(server, fields, field):
    assert field in refuse_push(server, [add(**fields)])
    # With others that are right, nothing of the push is kept.
    assert field in refuse_push(server, [add(78), add(**fields), {"cmd": "delete", "fields": {"id": 2}}])


def test_documents_of_a_push(server):
    wrong = [{}, 5, None, "x", [5], [None], [[]], [{}], [{"cmd": "add"}], [{"fields": {"id": 77}}]]
    wrong += [[{"cmd": command, "fields": {"id": 77}}] for command in ("upsert", "", 5, None)]
    wrong += [[{"cmd": "add", "fields": fields}] for fields in ([], {}, {"name": "no key"})]
    wrong += [[{"cmd": "delete", "fields": fields}] for fields in ({}, {"id": None}, {"id": "x"})]
    wrong += [[{"cmd": "update", "fields": {"name": "x"}}]]
    for documents in wrong:
        refuse_push(server, documents)
    for body in ("", "[", "{", b"\xff", "[" * 100_000, '[{"cmd":"add","fields":{"id":77,"name":"\\ud800"}}]',
                 b'[{"cmd":"add","fields":{"id":77,"name":"\xff"}}]'):
        refuse_push(server, body)
    assert "10" in refuse_push(server, [{"cmd": "delete", "fields": {"id": 1000 + i}} for i in range(10_001)])
    deep = 5
    for _ in range(5000):
        deep = {"x": deep}
    refuse_push(
        server,
        json.dumps([{"cmd": "add", "fields": {"id": 77, "vector": [1, 2, 3]}}])[:-3] + ',"extra":' + '{"x":' * 5000 + "1" +
        "}" * 5000 + "}}]")


def test_a_key_field_that_is_not_the_key(server):
    headers = {"X-Opensearch-Swift-PK-Field": "name"}
    assert "name" in refuse_push(server, [add()], headers=headers)


def test_bodies_over_the_limit(server):
    big = '[{"cmd":"add","fields":{"id":77,"name":"' + "x" * (40 << 20) + '"}}]'
    assert refuse_push(server, big, status=(413,))
    answer = post(server, "/vector-service/query", '{"tableName":"' + "x" * (40 << 20) + '"}')
    assert answer.status_code == 413 and answer.json()["errorCode"] and answer.json()["errorMsg"]


# Transport


def test_damaged_deflate(server):
    good = json.dumps(GOOD["query"]).encode()
    packed = zlib.compress(good)
    flipped = bytearray(packed)
    flipped[len(flipped) // 2] ^= 0xFF
    bomb = zlib.compress(b" " * (200 << 20), 9)
    assert ask(server, "query", packed, headers={"Content-Encoding": "deflate"})["result"]
    for body in (packed[:-6], packed[:4], bytes(flipped), b"\x78\x9c", b"\x78\x9cgarbage", b"garbage", b"\x00" * 100,
                 packed + packed, bomb):
        answer = post(server, "/vector-service/query", body, headers={"Content-Encoding": "deflate"})
        assert answer.status_code in (200, 400, 413), answer.text
        assert answer.json()["errorCode"] and answer.json()["errorMsg"], answer.text
        # Also without the header: what begins as zlib does is taken for it.
        answer = post(server, "/vector-service/query", body)
        assert answer.status_code in (200, 400, 413) and answer.json()["errorMsg"], answer.text
    rng = random.Random(5)
    for _ in range(200):
        damaged = bytearray(packed)
        damaged[rng.randrange(2, len(damaged))] = rng.randrange(256)
        answer = post(server, "/vector-service/query", bytes(damaged), headers={"Content-Encoding": "deflate"})
        assert answer.status_code in (200, 400) and answer.json(), answer.text


# Tables


def table_body(**more):
    return {
        "name": "refused", "primaryKey": "id", "partitionCount": 1,
        "fieldSchema": {"id": "INT64", "text": "STRING", "vector": "MULTI_FLOAT", "other": "MULTI_FLOAT"}, "vectorIndex": [{
            "indexName": "v", "vectorField": "vector", "dimension": "3", "distanceType": "SquaredEuclidean",
            "vectorIndexType": "HNSW"
        }]
    } | more


def index(**more):
    return [{
        "indexName": "v", "vectorField": "vector", "dimension": "3", "distanceType": "SquaredEuclidean", "vectorIndexType": "HNSW"
    } | more]


def refuse_table(server, body, status=400, method="POST", path=TABLES):
    if not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    answer = requests.request(method, server.url + path, data=body, headers={"Content-Type": "application/json"}, timeout=60)
    assert answer.status_code == status, answer.text
    parsed = answer.json()
    assert set(parsed) >= {"requestId", "code", "message"} and parsed["code"] and parsed["message"], parsed
    return parsed["message"]


@pytest.mark.parametrize(
    "part, values, field",
    [("name", [None, "", 5, [], "a/b", "x" * 1000, "a\x00b", "a\nb"], "name"),
     ("primaryKey", [None, "", "nothing", 5, "vector", ["id"]], "primaryKey"),
     ("partitionCount", [0, -1, 257, "x", 1.5], "partitionCount"),
     ("fieldSchema", [
         None, {}, [], 5, {"id": "INT64", "vector": "FLOATS"}, {"id": "INT64", "vector": 5},
         {"id": "INT64", "": "STRING", "vector": "MULTI_FLOAT"},
         {"id": "INT64", "vector": "MULTI_FLOAT"} | {f"f{i}": "STRING" for i in range(5000)}, {"id": "INT64", "vector": "STRING"}
     ], ""),
     ("vectorIndex", [
         5, [5], index() + index(), index() + index(indexName="w"),
         *(index(vectorField=field) for field in ("nothing", "text", None)),
         *(index(dimension=dimension) for dimension in ("x", "-3", "0", "", "99999999999", "1.5")),
         index(distanceType="Manhattan"), index(vectorIndexType="Magic"), index(namespace="nothing"),
         index(sparseIndexField="nothing", sparseValueField="nothing"),
         index(sparseIndexField="text", distanceType="InnerProduct")
     ], "vectorIndex"),
     ("dataProcessConfig", [
         5, [5], [vectorize("nothing", "vector", "text")], [vectorize("text", "nothing", "text")],
         [vectorize("text", "vector", "sound")], [vectorize("text", "vector", "video")],
         [vectorize("text", "vector", "text", "no-such-model")], [vectorize("text", "vector", "text") | {"operator": "guess"}],
         [vectorize("", "vector", "text")], [vectorize("text", "vector", "fusion")],
         [vectorize("text,text2", "vector", "fusion")], [{"srcField": "text"}]
     ], "")])
def test_tables_that_cannot_be(server, part, values, field):
    for value in values:
        status = 501 if value == [vectorize("text", "vector", "video")] else 400
        message = refuse_table(server, table_body(**{part: value}), status)
        assert field in message or part in message, (value, message)
    assert requests.get(f"{server.url}{TABLES}/refused", timeout=10).status_code == 404


def test_the_models_dimension_is_not_another(server):
    message = refuse_table(server,
                           table_body(vectorIndex=index(dimension="3"), dataProcessConfig=[vectorize("text", "vector", "text")]))
    assert "dimension" in message


def test_table_calls_with_other_bodies(server):
    for body in ("", "{", "[]", "5", "null", b"\xff", "{}"):
        refuse_table(server, body)
    assert NAME in refuse_table(server, table_body(name=NAME), 409)
    for method, path in (("GET", "/none"), ("PUT", "/none"), ("DELETE", "/none"), ("GET", "/none/index_versions"),
                         ("POST", "/none/reindex"), ("GET", f"/{NAME}/index_versions/77777")):
        body = "{}" if method in ("PUT", "POST") else ""
        refuse_table(server, body, 404, method, TABLES + path)
    for path in ("stopIndex", "startIndex"):
        refuse_table(server, "", 404, "POST", f"/openapi/ha3/instances/x/indexes/none/{path}")


def test_changes_that_cannot_be(server):
    schema = {k: v for k, v in FIELDS.items()}
    for body in ({"primaryKey": "name"}, {"fieldSchema": schema | {"small": "STRING"}}, {"fieldSchema": {"id": "INT64"}},
                 {"fieldSchema": schema | {"new": "THING"}}, {"vectorIndex": index(dimension="4")}, {"partitionCount": 1000},
                 {"rawSchema": "{"}, 5, []):
        refuse_table(server, body, 400, "PUT", f"{TABLES}/{NAME}")


def test_tasks_with_strange_times(server):
    for query in ("start=x", "start=5&end=x", "start=-1", "start=99999999999999999999"):
        answer = requests.get(f"{server.url}/openapi/ha3/instances/x/tasks?{query}", timeout=10)
        assert answer.status_code in (200, 400) and answer.json()["requestId"] is not None


def test_errors_are_well_formed_for_other_methods(server):
    for method, path in (("GET", "/vector-service/query"), ("PUT", "/vector-service/fetch"),
                         ("GET", f"/update/x_{NAME}/actions/bulk"), ("POST", "/network/active")):
        answer = requests.request(method, server.url + path, timeout=10)
        assert answer.status_code == 405 and answer.json()["errorCode"] and answer.headers["Allow"], (path, answer.text)
    assert error_of(post(server, "/vector-service/query", {}))["errorCode"] == 10001
