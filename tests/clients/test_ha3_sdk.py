"""alibabacloud-ha3engine-vector, unmodified: every method, as written and as its `_async` twin."""
import json
import math
import re
import time

import pytest
from alibabacloud_ha3engine_vector import models as m
from alibabacloud_tea_util.models import ExtendsParameters, RuntimeOptions
from Tea.exceptions import TeaException, UnretryableException

from conftest import Server, b64, picture
from vector_front import Sdk, body_of, error_of, hits, ids

FIELDS = {"id": "INT64", "name": "STRING", "price": "FLOAT", "stock": "INT32", "tags": "MULTI_STRING",
          "sizes": "MULTI_INT32", "kind": "STRING",
          "vector": "MULTI_FLOAT"}
# The rows lie on a line, so that who is near to whom can be said in the head.
ROWS = [{"id": i, "name": f"thing {i}", "price": i * 2.5, "stock": 10 - i, "tags": ["even" if i % 2 == 0 else "odd", f"t{i}"],
         "sizes": [i, i + 1], "kind": "even" if i % 2 == 0 else "odd", "vector": [float(i), 0.0, 0.0, 1.0]} for i in range(10)]


@pytest.fixture(params=["sync", "async"])
def sdk(request, server):
    return Sdk(server, asynchronous=request.param == "async")


def index(name="vector", dimension="4", metric="SquaredEuclidean", **more):
    return m.CreateTableRequestVectorIndex(index_name=more.pop("index_name", name), vector_field=name, dimension=dimension,
                                           distance_type=metric, vector_index_type=more.pop("kind", "HNSW"), **more)


def create_request(name, fields=None, indexes=None, **more):
    return m.CreateTableRequest(name=name, partition_count=1, primary_key="id", field_schema=fields or FIELDS,
                                vector_index=indexes or [index()], data_processor_count=1, **more)


def process(source, target, modal, operator="vectorize"):
    params = m.CreateTableRequestDataProcessConfigParams(vector_modal=modal, vector_model="")
    return m.CreateTableRequestDataProcessConfig(src_field=source, dst_field=target, operator=operator, params=params)


@pytest.fixture
def table(server, request):
    """Makes tables for one test: table("name", ...) gives the name that was made."""
    plain, names = Sdk(server), []

    def make(name, *arguments, rows=(), **more):
        name = f"{name}_{len(names)}_{'a' if 'async' in request.node.name else 's'}"
        plain.create_table(create_request(name, *arguments, **more))
        names.append(name)
        if rows:
            plain.add(name, rows)
        return name

    yield make
    for name in names:
        plain.delete_table(name)


@pytest.fixture(scope="module")
def line(server):
    sdk = Sdk(server)
    sdk.create_table(create_request("line"))
    sdk.add("line", ROWS)
    yield "line"
    sdk.delete_table("line")


def at(x):
    return [float(x), 0.0, 0.0, 1.0]


# Tables


def test_a_table_from_birth_to_death(sdk):
    name = f"life_{'a' if sdk.asynchronous else 's'}"
    advance = m.CreateTableRequestVectorIndexAdvanceParams(
        build_index_params='{"proxima.hnsw.builder.efconstruction":500}', search_index_params='{"proxima.hnsw.searcher.ef":300}',
        linear_build_threshold="5000", min_scan_doc_cnt="20000")
    fields = FIELDS | {"shelf": "STRING", "second": "MULTI_FLOAT"}
    source = m.CreateTableRequestDataSource(type="swift", auto_build_index=True, data_time_sec=1700000000,
                                            config=m.CreateTableRequestDataSourceConfig(bucket="b", oss_path="/p", catalog="c"))
    made = sdk.create_table(
        create_request(name, fields, [
            index(namespace="shelf", advance_params=advance),
            index("second", "8", "InnerProduct", index_name="by_second", kind="Qc")
        ], data_source=source))
    assert made.status_code == 200 and made.body.request_id and made.body.result is not None
    try:
        listed = {t.name: t for t in sdk.list_tables().body.result}
        assert listed[name].status == "IN_USE" and listed[name].index_status

        table = sdk.get_table(name).body.result
        assert (table.name, table.partition_count, table.primary_key, table.status) == (name, 1, "id", "IN_USE")
        assert {k: v.upper() for k, v in table.field_schema.items()} == fields
        first, second = table.vector_index
        assert (first.index_name, first.vector_field, first.dimension, first.distance_type, first.namespace) == \
            ("vector", "vector", "4", "SquaredEuclidean", "shelf")
        assert first.advance_params.linear_build_threshold == "5000" and "ef" in first.advance_params.search_index_params
        assert (second.index_name, second.vector_field, second.dimension, second.distance_type, second.vector_index_type) == \
            ("by_second", "second", "8", "InnerProduct", "Qc")

        with pytest.raises(TeaException) as refused:  # it is there already
            sdk.create_table(create_request(name))
        assert refused.value.code in (400, 409) and name in refused.value.data["message"]
        assert "." in refused.value.data["code"] and refused.value.data["requestId"]

        generations = sdk.list_table_generations(name).body.result
        assert generations and isinstance(generations[0].generation_id, int)
        one = sdk.get_table_generation(name, str(generations[0].generation_id)).body.result
        assert one.generation_id == generations[0].generation_id and one.status == "ready"
        assert sdk.reindex(name, m.ReindexRequest(data_time_sec=int(time.time()))).body.request_id
        assert isinstance(sdk.list_tasks(m.ListTasksRequest()).body.result, list)
        assert isinstance(sdk.list_tasks(m.ListTasksRequest(start=1, end=int(time.time()))).body.result, list)
    finally:
        assert sdk.delete_table(name).body.request_id
    assert name not in [t.name for t in sdk.list_tables().body.result]
    for call in (sdk.get_table, sdk.delete_table, sdk.stop_table, sdk.list_table_generations):
        with pytest.raises(TeaException) as missing:
            call(name)
        assert missing.value.code == 404 and missing.value.data["code"].endswith("NotFound"), missing.value
        assert name in missing.value.data["message"]


def test_modify_keeps_the_rows(sdk, table):
    name = table("modified", rows=ROWS)
    more = FIELDS | {"colour": "STRING", "second": "MULTI_FLOAT"}
    changed = m.ModifyTableRequest(
        partition_count=1, primary_key="id", field_schema=more,
        vector_index=[m.ModifyTableRequestVectorIndex(index_name="vector", vector_field="vector", dimension="4",
                                                      distance_type="SquaredEuclidean", vector_index_type="HNSW"),
                      m.ModifyTableRequestVectorIndex(index_name="second", vector_field="second", dimension="2",
                                                      distance_type="InnerProduct", vector_index_type="HNSW")])
    assert sdk.modify_table(name, changed).body.request_id
    now = sdk.get_table(name).body.result
    assert {k: v.upper() for k, v in now.field_schema.items()} == more
    assert {i.index_name: i.dimension for i in now.vector_index} == {"vector": "4", "second": "2"}
    assert ids(sdk.query(m.QueryRequest(table_name=name, vector=at(3), top_k=1))) == [3]
    sdk.add(name, [{"id": 50, "colour": "red", "vector": at(50), "second": [1, 2]}])
    assert ids(sdk.query(m.QueryRequest(table_name=name, index_name="second", vector=[1, 1], top_k=100, order="DESC"))) == [50]
    assert ids(sdk.query(m.QueryRequest(table_name=name, vector=at(0), filter='colour = "red"'))) == [50]
    assert body_of(sdk.fetch(m.FetchRequest(table_name=name, ids=["4"])))["result"][0]["fields"]["name"] == "thing 4"


def test_dry_runs_do_nothing(sdk, table):
    sdk.create_table(create_request("never_made", dry_run=True))
    assert "never_made" not in [t.name for t in sdk.list_tables().body.result]
    with pytest.raises(TeaException):  # a dry run finds what is wrong, too
        sdk.create_table(create_request("never_made", {"id": "INT64", "vector": "NO_SUCH_TYPE"}, dry_run=True))
    name = table("dry")
    sdk.modify_table(name, m.ModifyTableRequest(field_schema=FIELDS | {"extra": "STRING"}, dry_run=True))
    assert "extra" not in sdk.get_table(name).body.result.field_schema


def test_stop_and_start(sdk, table):
    name = table("stopped", rows=ROWS)
    question = m.QueryRequest(table_name=name, vector=at(3), top_k=1)
    assert sdk.stop_table(name).body.request_id
    assert sdk.get_table(name).body.result.status in ("NOT_USE", "STOP_USE")
    error_of(sdk.query(question))
    assert sdk.start_table(name).body.request_id
    assert sdk.get_table(name).body.result.status == "IN_USE"
    assert ids(sdk.query(question)) == [3]


INTEGERS = {"INT8": (-2**7, 2**7 - 1), "INT16": (-2**15, 2**15 - 1), "INT32": (-2**31, 2**31 - 1), "INT64": (-2**63, 2**63 - 1),
            "UINT8": (0, 2**8 - 1), "UINT16": (0, 2**16 - 1), "UINT32": (0, 2**32 - 1), "UINT64": (0, 2**63 - 1)}


def test_every_field_type_and_its_multi_form(sdk, table):
    kinds = [*INTEGERS, "FLOAT", "DOUBLE", "STRING"]
    fields = {"id": "STRING", "vector": "multi_float"}  # in any case
    fields |= {f"one_{k}": k for k in kinds} | {f"many_{k}": f"MULTI_{k}" for k in kinds}
    name = table("types", fields)
    vectors = {"low": at(1), "high": "2,0,0,1", "text": "3.0,0.0,0,1e0"}
    low, high, text = ({"id": name, "vector": vector} for name, vector in vectors.items())
    for kind in kinds:
        smallest, largest = INTEGERS.get(kind, (-1.5, 2.25) if kind != "STRING" else ("a", "zähl 数"))
        low |= {f"one_{kind}": smallest, f"many_{kind}": [smallest, largest]}
        high |= {f"one_{kind}": largest, f"many_{kind}": []}
        text |= {f"one_{kind}": str(largest), f"many_{kind}": f"{smallest},{largest}"}
    sdk.add(name, [low, high, text, {"id": "bare", "vector": at(4)}])
    rows = {r["id"]: r["fields"] for r in hits(sdk.fetch(m.FetchRequest(table_name=name, ids=["low", "high", "text", "bare"])))}
    for kind in kinds:
        smallest, largest = low[f"one_{kind}"], high[f"one_{kind}"]
        got = {key: (row[f"one_{kind}"], row[f"many_{kind}"]) for key, row in rows.items()}
        assert got["low"] == (smallest, [smallest, largest]), kind
        assert got["high"] == (largest, []), kind
        assert got["text"] == (largest, [smallest, largest]), kind
        assert got["bare"][0] == ("" if kind == "STRING" else 0), kind  # the documented defaults


# Documents


def test_add_update_delete(sdk, table):
    name = table("documents", rows=ROWS[:3])
    sdk.add(name, [{"id": 1, "name": "replaced", "vector": at(1)}])
    [row] = hits(sdk.fetch(m.FetchRequest(table_name=name, ids=["1"])))
    assert row["id"] == 1 and row["fields"]["name"] == "replaced" and row["fields"]["price"] == 0  # the whole row
    sdk.push(name, [{"cmd": "update", "fields": {"id": 2, "price": 99}}])
    [row] = hits(sdk.fetch(m.FetchRequest(table_name=name, ids=["2"])))
    assert (row["fields"]["name"], row["fields"]["price"]) == ("thing 2", 99)
    assert ids(sdk.query(m.QueryRequest(table_name=name, vector=at(2), top_k=1))) == [2]  # its vector is still there
    sdk.delete(name, [0, 12345])  # one that is there and one that is not
    assert sorted(ids(sdk.query(m.QueryRequest(table_name=name, vector=at(0))))) == [1, 2]
    sdk.push(name, [{"cmd": "update", "fields": {"id": 8, "name": "new", "vector": at(8)}}])  # makes what is not there
    assert ids(sdk.query(m.QueryRequest(table_name=name, vector=at(8), top_k=1))) == [8]
    sdk.delete(name, ["8"])
    # In one push, in order: the last word counts.
    sdk.push(name,
             [{"fields": {"id": 5, "vector": at(5)}, "cmd": "add"}, {"cmd": "delete", "fields": {"id": 5}},
              {"cmd": "delete", "fields": {"id": 1}}, {"cmd": "add", "fields": {"id": 1, "name": "again", "vector": at(7)}}])
    rows = hits(sdk.fetch(m.FetchRequest(table_name=name, ids=["1", "2", "5"])))
    assert {r["id"]: r["fields"]["name"] for r in rows} == {1: "again", 2: "thing 2"}


def test_push_with_a_deflate_header_and_a_plain_body(sdk, table):
    name = table("deflate")
    sdk.push(name, [{"cmd": "add", "fields": ROWS[4]}], headers={"Content-Encoding": "deflate"})
    assert ids(sdk.fetch(m.FetchRequest(table_name=name, ids=["4"]))) == [4]


def test_fields_that_the_schema_does_not_know_come_back(sdk, table):
    name = table("extra")
    sdk.add(name, [ROWS[1] | {"_node_type": "TextNode", "pages": 7}, ROWS[2] | {"_node_type": "None"}])
    [row] = hits(sdk.fetch(m.FetchRequest(table_name=name, ids=["1"])))
    assert row["fields"]["_node_type"] == "TextNode" and row["fields"]["pages"] == 7
    assert ids(sdk.fetch(m.FetchRequest(table_name=name, filter="_node_type='TextNode'"))) == [1]


# Vector queries


def test_query(sdk, line):
    found = hits(sdk.query(m.QueryRequest(table_name=line, vector=at(3.1), top_k=3)))
    assert [h["id"] for h in found] == [3, 4, 2]
    assert [h["score"] for h in found] == pytest.approx([.01, .81, 1.21], abs=1e-5)  # squared, smaller is better
    assert all("vector" not in h and not h.get("fields") for h in found)

    found = hits(
        sdk.query(
            m.QueryRequest(table_name=line, vector=at(3), top_k=2, include_vector=True, output_fields=["name", "tags", "price"])))
    assert found[0] == {"id": 3, "score": 0, "vector": at(3), "fields": {"name": "thing 3", "tags": ["odd", "t3"], "price": 7.5}}
    assert len(hits(sdk.query(m.QueryRequest(table_name=line, vector=at(3))))) == 10  # topK's default is 100

    # The nearest by the metric are taken first, then put into the order asked for.
    assert ids(sdk.query(m.QueryRequest(table_name=line, vector=at(0), top_k=3, order="DESC"))) == [2, 1, 0]
    assert ids(sdk.query(m.QueryRequest(table_name=line, vector=at(0), top_k=3, order="ASC"))) == [0, 1, 2]
    assert ids(sdk.query(m.QueryRequest(table_name=line, vector=at(0), score_threshold=4.0))) == [0, 1]  # below, not at
    assert ids(sdk.query(m.QueryRequest(table_name=line, vector=at(0), filter='price > 5 AND tags = "odd"', top_k=2))) == [3, 5]
    assert ids(
        sdk.query(
            m.QueryRequest(table_name=line, vector=at(0), search_params='{"qc.searcher.scan_ratio":0.001,"unknown":1}',
                           top_k=1))) == [0]
    assert ids(sdk.query(m.QueryRequest(table_name=line, vector=at(0), index_name="vector", top_k=1,
                                        kvpairs={"any": "thing"}))) == [0]


def test_inner_product(sdk, table):
    name = table("product", None, [index(metric="InnerProduct")])
    sdk.add(name, [{"id": i, "vector": [i, 0, 0, 0]} for i in range(1, 6)])
    ask = dict(table_name=name, vector=[2, 0, 0, 0], top_k=3)
    best = hits(sdk.query(m.QueryRequest(**ask, order="DESC")))
    assert [(h["id"], h["score"]) for h in best] == [(5, 10), (4, 8), (3, 6)]
    assert ids(sdk.query(m.QueryRequest(**ask))) == [3, 4, 5]  # the same three, ascending
    assert ids(sdk.query(m.QueryRequest(**ask | {"top_k": 10}, order="DESC", score_threshold=6.0))) == [5, 4]  # above, not at


def test_sort_and_sorts(sdk, line):
    ask = dict(table_name=line, vector=at(0), top_k=4)
    assert ids(sdk.query(m.QueryRequest(**ask, sort="-price"))) == [3, 2, 1, 0]
    assert ids(sdk.query(m.QueryRequest(**ask, sort="+stock"))) == [3, 2, 1, 0]
    assert ids(sdk.query(m.QueryRequest(**ask, sort="-score"))) == [3, 2, 1, 0]
    assert ids(sdk.query(m.QueryRequest(**ask, sort="+kind;-price * 2 + 1"))) == [2, 0, 3, 1]
    found = hits(
        sdk.query(m.QueryRequest(**ask, sorts=[m.Sort(order="DESC", expression="price"),
                                               m.Sort(order="ASC", expression="stock")])))
    assert [h["id"] for h in found] == [3, 2, 1, 0]
    assert [h["score"] for h in found] == [[7.5, 7], [5, 8], [2.5, 9], [0, 10]]  # one value a key


def test_several_vectors_in_one_query(sdk, line):
    found = hits(sdk.query(m.QueryRequest(table_name=line, vector=at(1) + at(8), vector_count=2, top_k=2)))
    assert sorted(h["id"] for h in found) == [1, 8]


def test_namespaces(sdk, table):
    name = table("spaces", FIELDS | {"shelf": "STRING"}, [index(namespace="shelf")])
    sdk.add(name, [{"id": i, "shelf": "left" if i < 5 else "right", "vector": at(i)} for i in range(10)])
    found = hits(sdk.query(m.QueryRequest(table_name=name, namespace="right", vector=at(0), top_k=2)))
    assert [h["id"] for h in found] == [5, 6]
    assert {h["namespace"] for h in found if "namespace" in h} <= {"right"}
    assert hits(sdk.query(m.QueryRequest(table_name=name, namespace="nowhere", vector=at(0)))) == []
    both = m.MultiQueryRequest(table_name=name, top_k=3,
                               queries=[m.QueryRequest(namespace=space, vector=at(5)) for space in ("left", "right")])
    assert set(ids(sdk.multi_query(both))) == {4, 5, 6}


def scores(response):
    return [(h["id"], h["score"]) for h in hits(response)]


def test_sparse(sdk, table):
    fields = FIELDS | {"words": "MULTI_UINT32", "weights": "MULTI_FLOAT"}
    name = table("sparse", fields, [index(metric="InnerProduct", sparse_index_field="words", sparse_value_field="weights")])
    sdk.add(name, [{"id": 1, "vector": [1, 0, 0, 0], "words": [3, 4000000000], "weights": [.5, 2]},
                   {"id": 2, "vector": [2, 0, 0, 0], "words": "7", "weights": "9"},
                   {"id": 3, "vector": [.5, 0, 0, 0]}])
    ask = dict(table_name=name, vector=[1, 0, 0, 0], order="DESC")
    assert scores(sdk.query(m.QueryRequest(**ask))) == [(2, 2), (1, 1), (3, .5)]
    sparse = m.SparseData(count=[2], indices=[3, 4000000000], values=[1, 10])
    assert scores(sdk.query(m.QueryRequest(**ask, sparse_data=sparse))) == [(1, 21.5), (2, 2), (3, .5)]
    sparse = m.SparseData(indices=[7], values=[1])
    assert scores(sdk.query(m.QueryRequest(**ask, sparse_data=sparse))) == [(2, 11), (1, 1), (3, .5)]


def test_multi_query(sdk, table):
    fields = FIELDS | {"second": "MULTI_FLOAT"}
    name = table("legs", fields, [index(metric="InnerProduct"), index("second", "2", "InnerProduct")])
    sdk.add(
        name,
        [{"id": i, "vector": [i, 0, 0, 0], "second": [10 - 2 * i, 0], "tags": ["odd" if i % 2 else "even"]} for i in range(5)])
    legs = [
        m.QueryRequest(index_name="vector", vector=[1, 0, 0, 0], weight=3.0),
        m.QueryRequest(index_name="second", vector=[1, 0])
    ]
    scores = {"sum": {i: 3 * i + 10 - 2 * i for i in range(5)}, "max": {i: max(3 * i, 10 - 2 * i) for i in range(5)},
              "min": {i: min(3 * i, 10 - 2 * i) for i in range(5)}}
    for mode in (None, "sum", "max", "min"):
        found = hits(
            sdk.multi_query(
                m.MultiQueryRequest(table_name=name, queries=legs, top_k=5, order="DESC", mode=mode, output_fields=["tags"])))
        assert {h["id"]: h["score"] for h in found} == scores[mode or "sum"], mode
        assert [h["score"] for h in found] == sorted((h["score"] for h in found), reverse=True)
    odd = m.MultiQueryRequest(table_name=name, queries=legs, top_k=1, order="DESC", filter='tags = "odd"')
    assert ids(sdk.multi_query(odd)) == [3]


def test_batch_query(sdk, line):
    answers = json.loads(sdk.batch_query(m.BatchRequest(timeout=1000, queries=[
        m.QueryRequest(table_name=line, vector=at(3), top_k=1), m.QueryRequest(table_name="nowhere", vector=at(3)),
        m.QueryRequest(table_name=line, vector=at(8), top_k=2, output_fields=["name"])])).body)
    assert isinstance(answers, list) and len(answers) == 3  # in the order of the questions
    assert [h["id"] for h in answers[0]["result"]] == [3]
    assert answers[1]["errorCode"] == 10002 and "nowhere" in answers[1]["errorMsg"]
    assert [h["fields"]["name"] for h in answers[2]["result"]] in (["thing 8", "thing 7"], ["thing 8", "thing 9"])


# What is read without a vector


def test_fetch(sdk, line):
    [row] = hits(sdk.fetch(m.FetchRequest(table_name=line, ids=["3"])))
    assert row["fields"] | {"vector": None} == ROWS[3] | {"vector": None} and row["vector"] == at(3)  # all fields, and the vector
    assert sorted(ids(sdk.fetch(m.FetchRequest(table_name=line, ids=["7", "2", "123"])))) == [2, 7]
    [row] = hits(sdk.fetch(m.FetchRequest(table_name=line, ids=[3], include_vector=False,
                                          output_fields=["name"])))  # a number, too
    assert "vector" not in row and row["fields"] == {"name": "thing 3"}
    # With ids everything else that selects is ignored.
    assert ids(sdk.fetch(m.FetchRequest(table_name=line, ids=["3"], filter="price > 1000", limit=5, offset=1))) == [3]
    ask = dict(table_name=line, filter="price >= 5", include_vector=False)
    assert ids(sdk.fetch(m.FetchRequest(**ask, sort="-price", limit=3, offset=1))) == [8, 7, 6]
    assert ids(sdk.fetch(m.FetchRequest(**ask, sort="price", limit=2))) == [2, 3]
    assert sorted(ids(sdk.fetch(m.FetchRequest(**ask)))) == list(range(2, 10))
    assert ids(sdk.fetch(m.FetchRequest(**ask, offset=100))) == []


def test_aggregate(sdk, line):
    def ask(functions, **more):
        return hits(sdk.aggregate(m.AggregateRequest(table_name=line, agg_funcs=functions, timeout=5000, **more)))

    whole = ask([m.AggFuncDesc(func="count", args=["id"]), m.AggFuncDesc(name="top", func="max", args=["price"]),
                 m.AggFuncDesc(name="low", func="min", args=["price"]), m.AggFuncDesc(name="total", func="sum", args=["stock"]),
                 m.AggFuncDesc(name="mean", func="avg", args=["price"])])
    [row] = whole
    assert row == {"COUNT(id)": 10, "top": 22.5, "low": 0, "total": 55, "mean": 11.25}
    groups = ask([m.AggFuncDesc(name="n", func="count", args=["id"]),
                  m.AggFuncDesc(name="best", func="max", args=["price"])], group_keys=["kind"], filter="price < 10",
                 order_by=[m.OrderByDesc(field="n", direction="DESC"),
                           m.OrderByDesc(field="best", direction="DESC")])
    assert [(g["kind"], g["n"], g["best"]) for g in groups] == [("odd", 2, 7.5), ("even", 2, 5)]
    assert ask([m.AggFuncDesc(name="n", func="count", args=["id"])], filter="price > 1000") in ([], [{"n": 0}])


def test_stats_and_active(sdk, line):
    body = json.loads(sdk.stats(line).body)
    assert sum(part["totalDocCount"] for part in body["stats"]) == 10
    assert all(isinstance(part[key], int) for part in body["stats"] for key in ("totalSegmentCount", "partId"))
    assert json.loads(sdk.active().body) == {"status": "OK", "code": 200}


# Words and vectors together


TEXTS = {1: "The quick brown fox jumps over the lazy dog", 2: "A quick guide to brown bread", 3: "Lazy Sunday afternoon",
         4: "上海的夜景非常美丽", 5: "東京タワーの夜景", 6: "fox fox fox"}


@pytest.fixture
def articles(table):
    name = table("articles", {"id": "INT64", "title": "STRING", "price": "INT32", "vector": "MULTI_FLOAT"},
                 [index(metric="InnerProduct")])
    return name


def test_hybrid_search(sdk, articles):
    sdk.add(articles, [{"id": i, "title": t, "price": i, "vector": [i, 0, 0, 0]} for i, t in TEXTS.items()])

    def words(query, **more):
        params = more.pop("params", None)
        text = m.TextQuery(query_string=query, query_params=params, **more)
        return hits(sdk.search(m.SearchRequest(table_name=articles, text=text, size=10)))

    def found(query, **more):
        return {h["id"] for h in words(query, **more)}

    assert found("title:'fox'") == {1, 6}
    assert [h["id"] for h in words("title:'fox'")] == [6, 1]  # the shorter, with more of it
    assert found("title:'QUICK brown'") == {1, 2}
    assert found("title:'quick fox'") == {1} and found("title:'quick fox'", params={"default_op": "OR"}) == {1, 2, 6}
    assert found("title:'quick' AND title:'bread'") == {2}
    assert found("title:'bread' OR title:'sunday'") == {2, 3}
    assert found("(title:'bread' OR title:'sunday') AND title:'lazy'") == {3}
    assert found("title:'夜景'") == {4, 5} and found("title:'上海'") == {4} and found("title:'東京タワー'") == {5}
    assert found("title:'fox'", filter="price > 3") == {6}
    assert found("title:'nowhere'") == set()
    assert all(h["score"] > 0 for h in words("title:'quick'"))

    knn = m.QueryRequest(vector=[1, 0, 0, 0], top_k=10)
    only_vector = hits(sdk.search(m.SearchRequest(table_name=articles, knn=knn, size=3, output_fields=["title"])))
    assert [(h["id"], h["score"]) for h in only_vector] == [(6, 6), (5, 5), (4, 4)]  # the default order is DESC
    assert only_vector[0]["fields"] == {"title": "fox fox fox"}

    bm25 = {h["id"]: h["score"] for h in words("title:'fox'")}
    text = m.TextQuery(query_string="title:'fox'", weight=10.0)
    both = hits(
        sdk.search(
            m.SearchRequest(table_name=articles, knn=m.QueryRequest(vector=[1, 0, 0, 0], top_k=10, weight=2.0), text=text,
                            size=10)))
    assert {h["id"]: h["score"] for h in both} == pytest.approx({i: 2 * i + 10 * bm25.get(i, 0) for i in TEXTS}, rel=1e-4)
    assert [h["score"] for h in both] == sorted((h["score"] for h in both), reverse=True)
    page = sdk.search(m.SearchRequest(table_name=articles, knn=knn, text=text, size=2, from_=1))
    everything = sdk.search(m.SearchRequest(table_name=articles, knn=knn, text=text, size=10))
    assert ids(page) == ids(everything)[1:3]


def test_reciprocal_ranks(sdk, articles):
    sdk.add(articles, [{"id": i, "title": t, "price": i, "vector": [i, 0, 0, 0]} for i, t in TEXTS.items()])
    knn, text = m.QueryRequest(vector=[1, 0, 0, 0], top_k=3), m.TextQuery(query_string="title:'fox'")
    for constant in ("60", "1"):
        both = hits(
            sdk.search(
                m.SearchRequest(table_name=articles, knn=knn, text=text, size=10,
                                rank=m.RankQuery(rrf={"rankConstant": constant}))))
        k = int(constant)
        wanted = {6: 1 / (k + 1) + 1 / (k + 1), 5: 1 / (k + 2), 4: 1 / (k + 3), 1: 1 / (k + 2)}
        assert {h["id"]: h["score"] for h in both} == pytest.approx(wanted, rel=1e-4)
        assert both[0]["id"] == 6 and both[-1]["id"] == 4


def test_the_language_of_keywords(sdk, table):
    """Only TEXT fields are searched where there are some; phrases, ANDNOT, exact words, and every field at once."""
    name = table("keywords", {"id": "INT64", "title": "TEXT", "body": "TEXT", "code": "STRING", "vector": "MULTI_FLOAT"})
    rows = {
        1: ("red running shoe", "made for the road"), 2: ("shoe for running", "red laces"), 3: ("blue shoe", "für Zoë, größer"),
        4: ("跑步鞋", "红色")
    }
    sdk.add(name, [{"id": i, "title": title, "body": body, "code": "shoe", "vector": at(i)} for i, (title, body) in rows.items()])

    def found(query, **params):
        text = m.TextQuery(query_string=query, query_params=params or None)
        return {h["id"] for h in hits(sdk.search(m.SearchRequest(table_name=name, text=text)))}

    assert found("title:'shoe running'") == {1, 2} and found('title:"running shoe"') == {1}
    assert found("title:'shoe' ANDNOT title:'running'") == {3} and found("shoe") == {1, 2, 3}
    assert found("'red'") == {1, 2} and found("title:'red' OR body:'red'") == {1, 2} and found("title:'red'") == {1}
    assert found("body:'zoe'") == {3} and found("body:'ZOË'") == {3} and found("body:'größer'") == {3}
    assert found("title:'跑步'") == {4} and found("body:'红色'") == {4} and found("title:'步跑'") == set()
    assert error_of(sdk.search(m.SearchRequest(table_name=name,
                                               text=m.TextQuery(query_string="code:'shoe'"))))["errorCode"] == 10001
    # A squared distance d counts as 1/(1+d), so that nearer is better beside keywords too.
    near = hits(sdk.search(m.SearchRequest(table_name=name, knn=m.QueryRequest(vector=at(2), top_k=4))))
    assert {h["id"]: h["score"] for h in near} == pytest.approx({1: 1 / 2, 2: 1, 3: 1 / 2, 4: 1 / 5})


# Prediction queries


PICTURES = {i: picture(i, "PNG") for i in range(12)}


@pytest.fixture(scope="module")
def gallery(server):
    """Pictures vectorised by the server, and their captions."""
    sdk = Sdk(server)
    fields = {"id": "INT64", "picture": "STRING", "caption": "STRING", "picture_vector": "MULTI_FLOAT",
              "caption_vector": "MULTI_FLOAT", "both": "MULTI_FLOAT"}
    sdk.create_table(create_request(
        "gallery", fields, [index("picture_vector", "0"), index("caption_vector", ""), index("both", "0", "InnerProduct")],
        data_process_config=[process("picture", "picture_vector", "image"), process("caption", "caption_vector", "text"),
                             process("caption,picture", "both", "fusion")]))
    sdk.add("gallery", [{"id": i, "picture": b64(p), "caption": f"picture number {i}"} for i, p in PICTURES.items()])
    yield "gallery"
    sdk.delete_table("gallery")


def test_the_table_says_what_it_took(sdk, gallery):
    table = sdk.get_table(gallery).body.result
    assert all(int(i.dimension) > 100 for i in table.vector_index)
    assert all(p.params.vector_model for p in table.data_process_config if p.operator == "vectorize")


def test_text_finds_text_and_pictures(sdk, gallery):
    ask = dict(table_name=gallery, modal="text", top_k=3)
    assert ids(sdk.inference_query(m.QueryRequest(**ask, index_name="caption_vector", content="picture number 7")))[0] == 7
    found = hits(
        sdk.inference_query(m.QueryRequest(**ask, content="a red circle", include_vector=True, output_fields=["caption"])))
    assert len(found) == 3 and found[0]["fields"]["caption"] == f"picture number {found[0]['id']}"
    assert found[0]["vector"] == picture_vector(sdk, gallery, found[0]["id"])


def picture_vector(sdk, table, key):
    [hit] = hits(
        sdk.inference_query(
            m.QueryRequest(table_name=table, index_name="picture_vector", modal="image", content=b64(PICTURES[key]), top_k=1,
                           include_vector=True)))
    assert hit["id"] == key
    return hit["vector"]


def test_a_picture_finds_itself(sdk, gallery):
    for form in (b64, lambda p: "data:image/png;base64," + b64(p), lambda p: re.sub("(.{60})", "\\1\n", b64(p))):
        [hit] = hits(
            sdk.inference_query(
                m.QueryRequest(table_name=gallery, index_name="picture_vector", modal="image", content=form(PICTURES[5]),
                               top_k=1)))
        assert hit["id"] == 5 and hit["score"] == pytest.approx(0, abs=1e-5)
    vector = picture_vector(sdk, gallery, 5)
    assert math.fsum(x * x for x in vector) == pytest.approx(1, abs=1e-3)
    answer = sdk.query(m.QueryRequest(table_name=gallery, index_name="picture_vector", vector=vector, top_k=5))
    same = sdk.inference_query(
        m.QueryRequest(table_name=gallery, index_name="picture_vector", modal="image", content=b64(PICTURES[5]), top_k=5))
    assert ids(answer) == ids(same)


def boxes(answer):
    return [tuple(map(float, box.split(","))) for box in body_of(answer)["__meta__"]["__range__"].split(";") if box]


def test_crop_and_range(sdk, gallery):
    ask = dict(table_name=gallery, index_name="picture_vector", modal="image", content=b64(PICTURES[5]), top_k=1)
    whole = sdk.inference_query(m.QueryRequest(**ask))
    assert "__meta__" not in body_of(whole)
    given = sdk.inference_query(m.QueryRequest(**ask, search_params=json.dumps({"crop": True, "range": "10,5,60,50"})))
    assert body_of(given)["__meta__"]["__range__"].endswith(";") and boxes(given)[0] == (10, 5, 60, 50)
    found = boxes(sdk.inference_query(m.QueryRequest(**ask, search_params='{"crop":true}')))
    assert found and all(x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= 96 and y + h <= 72 for x, y, w, h in found)
    assert "__meta__" not in body_of(sdk.inference_query(m.QueryRequest(**ask, search_params='{"crop":false,"range":"1,2,3,4"}')))


def test_fusion(sdk, gallery):
    ask = dict(table_name=gallery, index_name="both", modal="fusion", order="DESC", top_k=12)
    whole = "data:image/png;base64," + b64(PICTURES[4])
    found = hits(
        sdk.inference_query(m.QueryRequest(**ask, contents=["picture number 4", whole], content_type="text,image_encode")))
    assert found[0]["id"] == 4 and found[0]["score"] == pytest.approx(1, abs=1e-3)
    turned = hits(
        sdk.inference_query(m.QueryRequest(**ask, contents=[whole, "picture number 4"], content_type="image_encode,text")))
    assert [h["id"] for h in turned] == [h["id"] for h in found]


def test_video_says_that_it_is_not_there_yet(sdk, gallery):
    answer = error_of(sdk.inference_query(m.QueryRequest(table_name=gallery, modal="video", content_type="text",
                                                         content="a dog")))
    assert "video" in answer["errorMsg"]


# Transport


@pytest.mark.parametrize("asynchronous", [False, True])
def test_deflate(server, line, gallery, asynchronous):
    headers = ExtendsParameters(headers={"Content-Encoding": "deflate"})
    sdk = Sdk(server, asynchronous, runtime_options=RuntimeOptions(extends_parameters=headers))
    question = m.QueryRequest(table_name=line, vector=at(3), top_k=1)
    assert ids(sdk.query(question)) == [3]
    assert ids(sdk.multi_query(m.MultiQueryRequest(table_name=line, queries=[m.QueryRequest(vector=at(3))], top_k=1))) == [3]
    assert json.loads(sdk.batch_query(m.BatchRequest(queries=[question])).body)[0]["result"][0]["id"] == 3
    assert ids(sdk.fetch(m.FetchRequest(table_name=line, ids=["3"]))) == [3]
    assert ids(sdk.search(m.SearchRequest(table_name=line, knn=m.QueryRequest(vector=at(3), top_k=1), size=1))) == [3]
    count = m.AggregateRequest(table_name=line, agg_funcs=[m.AggFuncDesc(name="n", func="count", args=["id"])])
    assert hits(sdk.aggregate(count)) == [{"n": 10}]
    ask = m.QueryRequest(table_name=gallery, index_name="picture_vector", modal="image", content=b64(PICTURES[5]), top_k=1)
    assert ids(sdk.inference_query(ask)) == [5]
    assert json.loads(sdk.stats(line).body)["stats"] and json.loads(sdk.active().body)["status"] == "OK"


def test_errors_reach_the_caller(sdk, line):
    assert error_of(sdk.query(m.QueryRequest(table_name="nowhere", vector=at(1))))["errorCode"] == 10002
    assert error_of(sdk.query(m.QueryRequest(table_name=line, index_name="none", vector=at(1))))["errorCode"] == 10003
    wrong = error_of(sdk.query(m.QueryRequest(table_name=line, vector=at(1), filter="price >")))
    assert wrong["errorCode"] == 10004 and "filter" in wrong["errorMsg"]
    wrong = error_of(sdk.query(m.QueryRequest(table_name=line, vector=[1.0, 2.0])))
    assert wrong["errorCode"] == 10005 and "4" in wrong["errorMsg"] and "2" in wrong["errorMsg"]
    assert error_of(sdk.query(m.QueryRequest(table_name=line, vector=at(1), text_query_string="title:'x'")))["errorCode"] == 10001


def test_credentials(tmp_path):
    secret = "a-key-that-is-long-enough-0123"
    with Server(tmp_path / "data", env={"OCELLUS_API_KEY": secret}) as server:
        for asynchronous in (False, True):
            right = Sdk(server, asynchronous, password=secret)
            assert json.loads(right.active().body)["status"] == "OK" and right.list_tables().status_code == 200
            for wrong in (Sdk(server, asynchronous, password="not-the-key"), Sdk(server, asynchronous, user=None, password=None)):
                for call in (wrong.active, wrong.list_tables, lambda: wrong.query(m.QueryRequest(table_name="t", vector=[1.0])),
                             lambda: wrong.push("t", [{"cmd": "delete", "fields": {"id": 1}}])):
                    with pytest.raises(TeaException) as refused:
                        call()
                    assert refused.value.code == 401
                with pytest.raises(TeaException) as refused:
                    wrong.active()
                assert refused.value.data["errors"]["errorCode"] and refused.value.data["errors"]["errorMsg"]


def test_without_credentials_on_loopback(server):
    for asynchronous in (False, True):
        assert json.loads(Sdk(server, asynchronous, user=None, password=None).active().body)["status"] == "OK"  # "Basic None"


def test_nobody_there(server, tmp_path):
    with Server(tmp_path / "data") as gone:
        sdk = Sdk(gone)
    with pytest.raises(UnretryableException):
        sdk.active()
