"""LlamaIndex's AlibabaCloudOpenSearchStore, unmodified, against a table of the vector front."""
import asyncio

import pytest
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (FilterCondition, FilterOperator, MetadataFilter, MetadataFilters,
                                                  VectorStoreQuery)
from llama_index.vector_stores.alibabacloud_opensearch import AlibabaCloudOpenSearchConfig, AlibabaCloudOpenSearchStore

from conftest import b64, picture
from embedding import DIMENSION, embed, squared_distance
from vector_front import ask, create, drop, vectorize

TEXTS = [
    "cats sleep on the sofa", "dogs run on the beach", "a red car in the rain", "the cat and the dog play", "rain over the beach"
]
FIELDS = {"id": "STRING", "content": "STRING", "embedding": "MULTI_FLOAT", "kind": "STRING", "pages": "INT32"}


class HashedWords(BaseEmbedding):
    def _get_text_embedding(self, text):
        return embed(text)

    def _get_query_embedding(self, query):
        return embed(query)

    async def _aget_query_embedding(self, query):
        return embed(query)


@pytest.fixture
def loop():
    """The store's synchronous calls need one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def table(server, loop):
    create(server, "llama", FIELDS, [{"vectorField": "embedding", "dimension": str(DIMENSION)}])
    yield "llama"
    drop(server, "llama")


def store_of(server, table, **more):
    more = {"field_mapping": {"kind": "kind", "pages": "pages", "_node_content": "_node_content", "_node_type": "_node_type"},
            "text_field": "content"} | more
    return AlibabaCloudOpenSearchStore(
        AlibabaCloudOpenSearchConfig(endpoint=f"127.0.0.1:{server.port}", instance_id="ha-cn-test", username="user",
                                     password="password", table_name=table, **more))


def nodes():
    made = []
    for i, text in enumerate(TEXTS):
        kind = "animal" if "cat" in text or "dog" in text else "x y"
        node = TextNode(id_=f"n{i}", text=text, embedding=embed(text), metadata={"kind": kind, "pages": i})
        node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id=f"document-{i // 2}")
        made.append(node)
    return made


def question(text, k=10, filters=None):
    return VectorStoreQuery(query_embedding=embed(text), similarity_top_k=k, filters=filters)


def test_add_and_query(server, table):
    store = store_of(server, table)
    assert store.add(nodes()) == [f"n{i}" for i in range(len(TEXTS))]
    result = store.query(question("rain on the beach"))
    wanted = {f"n{i}": squared_distance(embed("rain on the beach"), embed(t)) for i, t in enumerate(TEXTS)}
    assert dict(zip(result.ids, result.similarities)) == pytest.approx(wanted, abs=1e-5)
    assert result.similarities == sorted(result.similarities)
    best = store.query(question(TEXTS[3], k=1))
    assert best.ids == ["n3"] and best.similarities == pytest.approx([0], abs=1e-5)
    node = best.nodes[0]  # the node that went in, and its document
    assert node.get_content() == TEXTS[3] and node.metadata == {"kind": "animal", "pages": 3} and node.ref_doc_id == "document-1"


def test_fields_come_back_without_the_node(server, table):
    store = store_of(server, table, field_mapping={"kind": "kind", "pages": "pages"})
    store.add(nodes())
    node = store.query(question(TEXTS[2], k=1)).nodes[0]
    assert node.node_id == "n2" and node.get_content() == TEXTS[2]
    assert node.metadata["kind"] == "x y" and node.metadata["pages"] == 2


def some(*conditions, condition=FilterCondition.AND):
    return MetadataFilters(filters=[MetadataFilter(key=k, operator=o, value=v) for k, o, v in conditions], condition=condition)


@pytest.mark.parametrize("filters, wanted", [
    (some(("kind", FilterOperator.EQ, "x y")), {2, 4}), (some(("pages", FilterOperator.GT, 2)), {3, 4}),
    (some(("pages", FilterOperator.GTE, 2)), {2, 3, 4}), (some(("pages", FilterOperator.LT, 2)), {0, 1}),
    (some(("pages", FilterOperator.LTE, 2)), {0, 1, 2}), (some(("pages", FilterOperator.NE, 2)), {0, 1, 3, 4}),
    (some(("kind", FilterOperator.NE, "animal")), {2, 4}),
    (some(("pages", FilterOperator.EQ, 1), ("pages", FilterOperator.GT, 1), ("kind", FilterOperator.EQ, "x y")), set()),
    (some(("kind", FilterOperator.EQ, "animal"), ("pages", FilterOperator.GT, 1)), {3}),
    (some(("pages", FilterOperator.EQ, 0), ("pages", FilterOperator.EQ, 4), condition=FilterCondition.OR), {0, 4}),
    (some(("doc_id", FilterOperator.EQ, "document-0")), {0, 1})])  # a field that the schema does not know
def test_filters(server, table, filters, wanted):
    store = store_of(server, table)
    store.add(nodes())
    assert set(store.query(question("rain", filters=filters)).ids) == {f"n{i}" for i in wanted}


def test_search_config(server, table):
    store_of(server, table).add(nodes())
    near = squared_distance(embed("rain"), embed(TEXTS[4])) + 1e-4
    store = store_of(server, table,
                     search_config={"order": "DESC", "score_threshold": near, "search_params": {"qc.searcher.scan_ratio": .01}})
    result = store.query(question("rain"))
    assert result.ids and result.ids[-1] == "n4" and all(s < near for s in result.similarities)
    assert result.similarities == sorted(result.similarities, reverse=True)


def test_delete_by_document(server, table):
    store = store_of(server, table)
    store.add(nodes())
    store.delete("document-0")
    assert set(store.query(question("rain")).ids) == {"n2", "n3", "n4"}
    store.delete("document-0")  # it is gone already
    assert set(store.query(question("rain")).ids) == {"n2", "n3", "n4"}


def test_an_empty_table(server, table):
    """Before the first document nothing is wrong: no field of it is known yet."""
    store = store_of(server, table)
    assert store.query(question("rain")).ids == []
    assert store.query(question("rain", filters=some(("doc_id", FilterOperator.EQ, "document-0")))).ids == []
    store.delete("document-0")
    store.add(nodes())
    assert len(store.query(question("rain")).ids) == len(TEXTS)


def test_asynchronously(server, table):
    async def all_of_it():
        store = store_of(server, table)
        await store.async_add(nodes())
        first = await store.aquery(question(TEXTS[1], k=1))
        await store.adelete("document-0")
        return first.ids, (await store.aquery(question(TEXTS[1]))).ids

    first, rest = asyncio.run(all_of_it())
    assert first == ["n1"] and set(rest) == {"n2", "n3", "n4"}


def test_as_an_index(server, table):
    store = store_of(server, table)
    context = StorageContext.from_defaults(vector_store=store)
    plain = [TextNode(id_=f"n{i}", text=t, metadata={"kind": "x", "pages": i}) for i, t in enumerate(TEXTS)]
    index = VectorStoreIndex(plain, storage_context=context, embed_model=HashedWords())
    found = index.as_retriever(similarity_top_k=2, filters=some(
        ("pages", FilterOperator.GT, 0))).retrieve("dogs run on the beach")
    assert [f.node.get_content() for f in found][0] == "dogs run on the beach" and len(found) == 2


def test_the_reason_of_a_refusal(server, loop):
    with pytest.raises(RuntimeError, match="no_such_table"):
        store_of(server, "no_such_table").query(question("rain"))


def test_texts_beside_pictures(server, loop):
    """The store knows texts only; the server vectorises a picture of the same row in a second field."""
    fields = FIELDS | {"picture": "STRING", "picture_vector": "MULTI_FLOAT"}
    create(server, "llama_pictures", fields,
           [{"vectorField": "embedding", "dimension": str(DIMENSION)}, {"vectorField": "picture_vector", "dimension": "0"}],
           process=[vectorize("picture", "picture_vector", "image")])
    try:
        pictures = [b64(picture(i, "PNG")) for i in range(3)]
        some_nodes = nodes()[:3]
        for node, encoded in zip(some_nodes, pictures):
            node.metadata["picture"] = encoded
        store = store_of(server, "llama_pictures")
        store.add(some_nodes)
        assert store.query(question(TEXTS[1], k=1)).ids == ["n1"]
        body = {"tableName": "llama_pictures", "indexName": "picture_vector", "modal": "image", "content": pictures[2], "topK": 1}
        assert ask(server, "inference-query", body)["result"][0]["id"] == "n2"
    finally:
        drop(server, "llama_pictures")
