"""The documentation's examples, sent as written there, and answers in the documented shape."""
import base64
import io
import json
import zlib

import pytest
import requests
from PIL import Image, ImageDraw

from conftest import b64, picture
from holes import fits
from vector_front import TABLES, ask, ask_wrongly, create, drop, made, post, push, vectorize

ANY, NUMBER, STRING = {"$": "any"}, {"$": "number"}, {"$": "string"}


def answer(*hits, total=None, **more):
    return {"totalCount": len(hits) if total is None else total, "result": list(hits), "totalTime": NUMBER} | more


def expect(actual, wanted):
    """Without outputFields the documented items have no `fields`; an empty one is as good."""
    plain = actual | {"result": [{k: v for k, v in hit.items() if (k, v) != ("fields", {})} for hit in actual["result"]]}
    assert fits(wanted, plain) is None, fits(wanted, plain)


def scene():
    """A picture with one subject on a plain ground, 400 x 300: a red disc left of the middle."""
    image = Image.new("RGB", (400, 300), (236, 236, 230))
    ImageDraw.Draw(image).ellipse((60, 60, 220, 220), fill=(190, 30, 40), outline=(60, 0, 0), width=6)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def pets(server):
    """The image template: pk, picture as base64, namespace, vector; and a text and a fusion vector beside it."""
    create(
        server, "pets",
        {"id": "INT64", "source_image": "STRING", "title": "STRING", "vector": "MULTI_FLOAT", "title_vector": "MULTI_FLOAT"},
        [{"indexName": "img", "vectorField": "vector", "dimension": "0", "vectorIndexType": "Qc", "distanceType": "InnerProduct"},
         {"indexName": "txt", "vectorField": "title_vector", "dimension": ""}],
        process=[vectorize("source_image", "vector", "image"),
                 vectorize("title", "title_vector", "text")])
    push(server, "pets",
         [{"id": i, "source_image": b64(picture(i, "PNG")), "title": t}
          for i, t in enumerate(["tabby cat on a sofa", "a dog", "a goldfish", "a canary", "a horse", "two hamsters"])])
    push(server, "pets", [{"id": 99, "source_image": b64(scene()), "title": "a red disc"}])
    yield "pets"
    drop(server, "pets")


# Prediction query


def test_text_to_text(server, pets):
    body = ask(server, "inference-query",
               '{"tableName":"pets","indexName":"txt","content":"tabby cat on a sofa","modal":"text","topK":5}')
    expect(body, answer(*[{"id": NUMBER, "score": NUMBER}] * 5))
    assert body["result"][0]["id"] == 0 and body["result"][0]["score"] == pytest.approx(0, abs=1e-5)


def test_text_to_image(server, pets):
    body = ask(
        server, "inference-query",
        '{"tableName":"pets","indexName":"img","content":"tabby cat on a sofa","modal":"text","topK":5,'
        '"searchParams":"{\\"qc.searcher.scan_ratio\\":0.02}","includeVector":false}')
    expect(body, answer(*[{"id": NUMBER, "score": NUMBER}] * 5))
    assert [h["score"] for h in body["result"]] == sorted(h["score"] for h in body["result"])  # ASC is the default, as written


def test_image_to_image(server, pets):
    body = ask(
        server, "inference-query", {
            "tableName": "pets", "indexName": "img", "content": b64(picture(3, "PNG")), "modal": "image", "topK": 1,
            "includeVector": True, "outputFields": ["title"], "order": "DESC"
        })
    expect(body, answer({"id": 3, "score": NUMBER, "fields": {"title": "a canary"}, "vector": ANY}))
    assert len(body["result"][0]["vector"]) > 100 and body["result"][0]["score"] == pytest.approx(1, abs=1e-3)


def test_image_with_a_range(server, pets):
    body = ask(server, "inference-query", '{"tableName":"pets","content":"%s","modal":"image","topK":5,'
               '"searchParams":"{\\"crop\\":true,\\"range\\":\\"40,30,200,160\\"}"}' % b64(scene()))
    expect(body, answer(*[{"id": NUMBER, "score": NUMBER}] * 5, __meta__={"__range__": STRING}))
    assert body["__meta__"]["__range__"] == "40,30,200,160;"  # with a given range the documented answer has that same box


def test_image_whose_subject_is_found(server, pets):
    body = ask(server, "inference-query",
               '{"tableName":"pets","content":"%s","modal":"image","topK":5,"searchParams":"{\\"crop\\":true}"}' % b64(scene()))
    expect(body, answer(*[{"id": NUMBER, "score": NUMBER}] * 5, __meta__={"__range__": STRING}))
    boxes = [tuple(map(float, box.split(","))) for box in body["__meta__"]["__range__"].split(";") if box]
    assert body["__meta__"]["__range__"].endswith(";")
    x, y, w, h = boxes[0]
    shared = max(0, min(x + w, 221) - max(x, 60)) * max(0, min(y + h, 221) - max(y, 60))
    assert shared / (w * h + 161 * 161 - shared) > .5, boxes
    # What is searched with is the first box: the same query with that picture cut out finds the same.
    cut = Image.open(io.BytesIO(scene())).crop((int(x), int(y), int(x + w), int(y + h)))
    out = io.BytesIO()
    cut.save(out, "PNG")
    same = ask(server, "inference-query", {"tableName": "pets", "content": b64(out.getvalue()), "modal": "image", "topK": 5})
    assert [h["id"] for h in same["result"]] == [h["id"] for h in body["result"]]
    assert [h["score"] for h in same["result"]] == pytest.approx([h["score"] for h in body["result"]], abs=.02)


def test_fusion(server):
    with made(server, "goods", {"id": "INT64", "title": "STRING", "image": "STRING", "_fused_vector": "MULTI_FLOAT"},
              [{"vectorField": "_fused_vector", "dimension": "0"}],
              process=[vectorize("title,image", "_fused_vector", "fusion")]):
        push(server, "goods", [{"id": i, "title": t, "image": b64(picture(i, "PNG"))}
                               for i, t in enumerate(["red", "green", "blue", "white", "black"])])
        body = ask(
            server, "inference-query", '{"tableName":"goods","contents":["red","data:image/png;base64,%s"],"modal":"fusion",'
            '"contentType":"text,image_encode","topK":5}' % b64(picture(0, "PNG")))
        expect(body, answer(*[{"id": NUMBER, "score": NUMBER}] * 5))
        assert body["result"][0]["id"] == 0 and body["result"][0]["score"] == pytest.approx(0, abs=1e-4)


def test_video_has_an_issue_of_its_own(server, pets):
    for body in (
            '{"tableName":"pets","content":"oss://b/v/7.mp4","modal":"video","contentType":"video_uri",'
            '"videoFrameTopK":100,"topK":5}', '{"tableName":"pets","content":"a dog","modal":"video","contentType":"text"}'):
        assert "video" in ask_wrongly(server, "inference-query", body)["errorMsg"]


# Vector query and its relatives


@pytest.fixture(scope="module")
def gist(server):
    create(
        server, "gist", {
            "id": "INT64", "tag": "STRING", "a": "INT32", "s": "STRING", "price": "FLOAT", "tags": "MULTI_INT32",
            "cate_id": "INT64", "title": "STRING", "vector": "MULTI_FLOAT"
        }, [{"indexName": "test", "vectorField": "vector", "dimension": "2", "namespace": "cate_id"}])
    push(server, "gist", [{
        "id": 7, "tag": "demo", "a": 1, "s": "x y", "price": 6, "tags": [1, 2], "cate_id": 1, "title": "cat", "vector": [.1, .2]
    }, {
        "id": 9, "tag": "other", "a": 2, "s": "x", "price": 4.5, "tags": "1,3", "cate_id": 1, "title": "a cat and a dog",
        "vector": "0.3,0.4", "doc_id": "n1"
    }, {"id": 11, "tag": "demo", "a": 3, "s": "", "price": 5, "tags": "", "cate_id": 2, "title": "dog", "vector": [.1, .2]}])
    yield "gist"
    drop(server, "gist")


def test_vector_query(server, gist):
    body = ask(
        server, "query",
        '{"tableName":"gist","indexName":"test","namespace":"1","vector":[0.1,0.2],"topK":3,"includeVector":true,'
        '"outputFields":["tag"],"order":"ASC",'
        '"searchParams":"{\\"proxima.hnsw.searcher.ef\\":300}","filter":"","scoreThreshold":1.1,"sort":"","sorts":[]}'
    )
    expect(body, answer({"id": 7, "score": 0, "fields": {"tag": "demo"}, "vector": ANY, "namespace": "1"} | {"score": NUMBER},
                        {"id": 9, "score": NUMBER, "fields": {"tag": "other"}, "vector": ANY, "namespace": "1"}))
    assert body["result"][0]["vector"] == pytest.approx([.1, .2]) and body["result"][1]["score"] == pytest.approx(.08)


def test_answers_carry_the_fields_asked_for_and_no_others(server, gist):
    base = {"tableName": "gist", "namespace": "1", "vector": [.1, .2], "topK": 1}
    assert not ask(server, "query", base)["result"][0].get("fields")
    # As LangChain asks: the vector field is among the fields.
    [hit] = ask(server, "query", base | {"outputFields": ["id", "title", "vector", "tag"], "includeVector": True})["result"]
    assert hit["vector"] == pytest.approx([.1, .2]) and set(hit["fields"]) - {"vector"} == {"id", "title", "tag"}


@pytest.mark.parametrize("filter, wanted", [('tag="demo"', {7}), ("price > 5", {7}), ("price >= 4.5 AND price <= 6", {7, 9}),
                                            ('a = 1 AND a > 1 AND a != 1 AND s = "x y"', set()), ('a = 1 AND s = "x y"', {7}),
                                            ("doc_id='n1'", {9}), ("tags=1", {7, 9}), ("tags=3", {9}), ("a + 1 > price - 3", {9}),
                                            ("a*2 = 4", {9}), ("(a = 1 OR a = 2) AND price < 5", {9}), ("a=1 or a=2", {7, 9}),
                                            ("a == 2", {9}), ("a <> 2", {7}), ("NOT a = 2", {7}),
                                            ('in(tag, "demo|nothing")', {7}), ('notin(tag, "demo|nothing")', {9}),
                                            ("a IN (2, 3)", {9}), ("-a < -1", {9}), ("", {7, 9})])
def test_filters(server, gist, filter, wanted):
    body = ask(server, "query", {"tableName": "gist", "namespace": "1", "vector": [0, 0], "filter": filter})
    assert {h["id"] for h in body["result"]} == wanted


def test_multi_query(server, gist):
    body = ask(server, "multi-query", '{"tableName":"gist","indexName":"test","queries":[{"vector":[0.1,0.2],"namespace":"1"},'
               '{"vector":[0.1,0.2],"namespace":"2","weight":0.5}],"topK":3,"order":"ASC","outputFields":[],"sorts":[]}')
    expect(body, answer(*[{"id": NUMBER, "score": NUMBER, "namespace": STRING}] * 3) if "namespace" in body["result"][0] else
           answer(*[{"id": NUMBER, "score": NUMBER}] * 3))
    assert {h["id"] for h in body["result"]} == {7, 9, 11}


def test_batch_query(server, gist):
    bodies = ask(server, "batch-query", '{"queries":[{"tableName":"gist","namespace":"1","vector":[0.1,0.2],"topK":1},'
                 '{"tableName":"gist","namespace":"2","vector":[0.1,0.2],"topK":1}],"timeout":-1}')
    assert [[h["id"] for h in b["result"]] for b in bodies] == [[7], [11]]


def test_fetch(server, gist):
    body = ask(server, "fetch", '{"tableName":"gist","ids":["7"]}')
    [hit] = body["result"]
    assert {"id", "fields", "vector"} <= set(hit) and set(hit["fields"]) >= {"tag", "a", "s", "price", "tags", "title"}
    assert [h["id"] for h in ask(server, "fetch", '{"tableName":"gist","ids":[7,9]}')["result"]] == [7, 9]
    assert [h["id"] for h in ask(server, "fetch", '{"tableName":"gist","filter":"doc_id=\'n1\'"}')["result"]] == [9]
    body = ask(
        server, "fetch",
        '{"tableName":"gist","filter":"a >= 1","sort":"-a","limit":2,"offset":1,"includeVector":false,"outputFields":["a"]}')
    assert [(h["id"], h["fields"], "vector" in h) for h in body["result"]] == [(9, {"a": 2}, False), (7, {"a": 1}, False)]


@pytest.mark.parametrize("rank", ["", ',"rank":{"rrf":{"rankConstant":"60"}}'])
def test_hybrid(server, gist, rank):
    body = ask(
        server, "search", '{"tableName":"gist","size":100,"from":0,"order":"DESC","outputFields":["title"],'
        '"knn":{"namespace":"1","vector":[0.1,0.2],"topK":10,"sorts":[]},'
        '"text":{"queryString":"title:\'cat\'",'
        '"queryParams":{"default_op":"AND","remove_stopwords":"true"},"filter":"a > 0","weight":1.0,"terminateAfter":0}%s}'
        % rank)
    assert {h["id"] for h in body["result"]} == {7, 9} and all(set(h["fields"]) == {"title"} for h in body["result"])


def test_aggregate(server, gist):
    body = ask(
        server, "aggregate",
        '{"tableName":"gist","filter":"","groupKeys":["tag"],'
        '"aggFuncs":[{"func":"count","args":["id"]},{"name":"p","func":"avg","args":["price"]}],'
        '"orderBy":[{"field":"p","direction":"DESC"}],"timeout":10000}')
    expect(body, answer({"tag": "demo", "COUNT(id)": 2, "p": NUMBER}, {"tag": "other", "COUNT(id)": 1, "p": NUMBER}))


def test_stats_and_active(server, gist):
    body = ask(server, "stats", '{"tableName":"gist"}')
    [part] = body["stats"]
    assert set(part) == {"totalDocCount", "totalSegmentCount", "partId"} and part["totalDocCount"] == 3
    active = requests.get(server.url + "/network/active", headers={"Authorization": "Basic cm9vdDpyb290"}, timeout=10)
    assert active.status_code == 200 and active.json() == {"status": "OK", "code": 200}


# Push


def test_push(server):
    fields = {"doc_id": "STRING", "price": "DOUBLE", "sizes": "MULTI_INT32", "names": "MULTI_STRING", "vector": "MULTI_FLOAT"}
    with made(server, "a_table_b", fields, [{"vectorField": "vector", "dimension": "2"}], "doc_id"):
        # The longest name of a table that fits is meant, with any instance before it, or none.
        with made(server, "table_b", fields, [{"vectorField": "vector", "dimension": "2"}], "doc_id"):
            for source, where in (("ha-cn-test_a_table_b", "a_table_b"), ("a_table_b", "a_table_b"), ("x_table_b", "table_b"),
                                  ("table_b", "table_b")):
                headers = {"X-Opensearch-Swift-PK-Field": "doc_id", "X-Opensearch-Validate-Data": "true"}
                sent = post(
                    server, f"/update/{source}/actions/bulk",
                    '[{"cmd":"add","fields":{"doc_id":"%s","price":"1.5","sizes":"1,2","names":["a","b"],"vector":"0.1,0.2"}},'
                    '{"fields":{"doc_id":"gone"},"cmd":"delete"}]' % source, headers=headers)
                assert sent.status_code == 200 and sent.json() == {"status": "OK", "code": 200}
                [hit] = ask(server, "fetch", {"tableName": where, "ids": [source]})["result"]
                assert hit["fields"] | {"vector": 0} == {
                    "doc_id": source, "price": 1.5, "sizes": [1, 2], "names": ["a", "b"], "vector": 0
                }
                assert hit["vector"] == pytest.approx([.1, .2])
            push(server, "table_b",
                 [{"doc_id": "old", "sizes": "5\x1d6", "names": "x\x1dy,z", "vector": "3\x1d4"}])  # the old separator
            [hit] = ask(server, "fetch", {"tableName": "table_b", "ids": ["old"]})["result"]
            assert (hit["fields"]["sizes"], hit["fields"]["names"], hit["vector"]) == ([5, 6], ["x", "y,z"], [3, 4])


# Tables


def test_every_part_of_a_table(server):
    name = "with_everything"
    body = {
        "name": name, "partitionCount": 2, "primaryKey": "id", "dataProcessorCount": 1, "fieldSchema": {
            "id": "INT64", "source_text": "STRING", "namespace": "STRING", "source_text_vector": "MULTI_FLOAT",
            "keys": "MULTI_UINT32", "values": "MULTI_FLOAT", "text_copy": "STRING"
        }, "vectorIndex": [{
            "indexName": "v", "vectorField": "source_text_vector", "dimension": "0", "distanceType": "InnerProduct",
            "vectorIndexType": "HNSW", "namespace": "namespace", "sparseIndexField": "keys", "sparseValueField": "values",
            "advanceParams": {
                "buildIndexParams": '{"proxima.hnsw.builder.max_neighbor_count":100}',
                "searchIndexParams": '{"proxima.hnsw.searcher.ef":500}', "linearBuildThreshold": "5000", "minScanDocCnt": "20000"
            }
        }], "dataProcessConfig": [{
            "dstField": "source_text_vector", "srcField": "source_text", "operator": "vectorize", "params": {
                "vectorModal": "text", "vectorModel": "", "srcFieldConfig": {"ossBucket": "", "ossEndpoint": "", "uid": ""}
            }
        }, {"dstField": "text_copy", "srcField": "source_text", "operator": "copy"}], "dataSource": {
            "type": "odps", "autoBuildIndex": True, "dataTimeSec": 0, "config": {
                "accessKey": "k", "accessSecret": "hunter2", "bucket": "b", "endpoint": "e", "ossPath": "/p", "partition": "ds=1",
                "project": "p", "table": "t", "catalog": "c", "database": "d", "tag": "x"
            }
        }
    }
    assert post(server, TABLES + "?dryRun=True", body | {"dryRun": True}).status_code == 200
    assert requests.get(f"{server.url}{TABLES}/{name}", timeout=10).status_code == 404
    created = post(server, TABLES + "?dryRun=False", body | {"dryRun": False})
    try:
        assert created.status_code == 200 and set(created.json()) >= {"requestId", "result"}
        got = requests.get(f"{server.url}{TABLES}/{name}", timeout=10).json()["result"]
        assert set(got) >= {
            "name", "partitionCount", "primaryKey", "dataProcessorCount", "fieldSchema", "status", "vectorIndex", "dataSource",
            "dataProcessConfig"
        }
        [index] = got["vectorIndex"]
        wanted = body["vectorIndex"][0]
        assert {k: index[k] for k in wanted if k != "dimension"} == {k: wanted[k] for k in wanted if k != "dimension"}
        assert index["dimension"].isdigit() and int(index["dimension"]) > 100
        model = got["dataProcessConfig"][0]["params"]["vectorModel"]
        assert isinstance(model, str) and model
        assert {(p["srcField"], p["dstField"], p["operator"]) for p in got["dataProcessConfig"]} == \
            {("source_text", "source_text_vector", "vectorize"), ("source_text", "text_copy", "copy")}
        listed = requests.get(server.url + TABLES, timeout=10).json()
        assert set(listed) == {"requestId", "result"} and {"name", "status", "indexStatus"} <= set(
            next(t for t in listed["result"] if t["name"] == name))
        push(server, name, [{"id": 1, "source_text": "a cat", "namespace": "n"}])
        [hit] = ask(server, "fetch", {"tableName": name, "ids": [1]})["result"]
        assert hit["fields"]["text_copy"] == "a cat" and len(hit["vector"]) == int(index["dimension"])
        for path in ("stopIndex", "startIndex"):
            done = requests.post(f"{server.url}/openapi/ha3/instances/any/indexes/{name}/{path}", timeout=10)
            assert done.status_code == 200 and "requestId" in done.json() and done.json()["result"] is not None
    finally:
        drop(server, name)


def test_names_that_need_escaping(server):
    for name, path in (("a b", "a%20b"), ("图片", "%E5%9B%BE%E7%89%87")):
        fields = {"id": "INT64", "vector": "MULTI_FLOAT"}
        body = {
            "name": name, "primaryKey": "id", "partitionCount": 1, "fieldSchema": fields, "vectorIndex": [{
                "indexName": "vector", "vectorField": "vector", "dimension": "2", "distanceType": "SquaredEuclidean",
                "vectorIndexType": "Linear"
            }]
        }
        assert post(server, TABLES, body).status_code == 200
        assert requests.get(f"{server.url}{TABLES}/{path}", timeout=10).json()["result"]["name"] == name
        assert requests.delete(f"{server.url}{TABLES}/{path}", timeout=10).status_code == 200


def test_authorization_as_documented(server, pets):
    token = base64.b64encode(b"accessUserName:accessPassWord").decode()
    body = {"tableName": "pets", "content": "a dog", "modal": "text", "topK": 1}
    for header in (f"Basic {token}", "Basic None", "Basic null"):
        assert json.loads(post(server, "/vector-service/inference-query", body,
                               headers={"Authorization": header}).text)["totalCount"] == 1


def test_what_is_called_deflate(server, gist):
    """zlib, raw deflate, and JSON that is not compressed at all: the first byte shows which."""
    body = json.dumps({"tableName": "gist", "ids": [7]}).encode()
    raw = zlib.compressobj(wbits=-15)
    for sent in (zlib.compress(body), raw.compress(body) + raw.flush(), body):
        assert ask(server, "fetch", sent, headers={"Content-Encoding": "deflate"})["result"][0]["id"] == 7, sent[:10]


def test_unknown_paths(server):
    for path, code, message in (("/vector-service/nothing", "errorCode", "errorMsg"),
                                ("/update/x/actions/nothing", "errorCode", "errorMsg"),
                                ("/openapi/ha3/instances/x/nothing", "code", "message")):
        missing = post(server, path, {})
        assert missing.status_code == 404 and missing.json()[code] and path in missing.json()[message], missing.text
