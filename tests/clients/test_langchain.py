"""LangChain's AlibabaCloudOpenSearch, unmodified, against a table of the vector front."""
import hashlib
import logging
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package warns that it is being retired
    from langchain_community.vectorstores import AlibabaCloudOpenSearch, AlibabaCloudOpenSearchSettings
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from Tea.exceptions import TeaException

from conftest import Server, b64, picture
from embedding import DIMENSION, embed, squared_distance
from vector_front import ask, create, drop, vectorize

TEXTS = [
    "cats sleep on the sofa", "dogs run on the beach", "a red car in the rain", "the cat and the dog play", "rain over the beach",
    "美丽的夜景 and rain"
]
METADATA = [{"tag": "animal" if "cat" in t or "dog" in t else "other", "price": 10 * i} for i, t in enumerate(TEXTS)]


class HashedWords(Embeddings):
    def embed_documents(self, texts):
        return [embed(t) for t in texts]

    def embed_query(self, text):
        return embed(text)


def store_of(server, table, password="password", price_operator=">"):
    return AlibabaCloudOpenSearch(
        HashedWords(),
        AlibabaCloudOpenSearchSettings(
            endpoint=f"127.0.0.1:{server.port}", instance_id="ha-cn-test", username="user", password=password, table_name=table,
            field_name_mapping={
                "id": "id", "document": "document", "embedding": "embedding", "tag": "tag,=", "price": f"price,{price_operator}"
            }))


FIELDS = {"id": "STRING", "document": "STRING", "embedding": "MULTI_FLOAT", "tag": "STRING", "price": "INT32"}


@pytest.fixture
def table(server):
    create(server, "langchain", FIELDS, [{"vectorField": "embedding", "dimension": str(DIMENSION)}])
    yield "langchain"
    drop(server, "langchain")


def keys(texts):
    return [hashlib.sha1(t.encode()).hexdigest() for t in texts]


def test_add_and_search(server, table):
    store = store_of(server, table)
    assert store.add_texts(TEXTS, METADATA) == keys(TEXTS)
    found = store.similarity_search("the cat and the dog play", k=3)
    assert len(found) == 3
    assert found[0].page_content == "the cat and the dog play"
    assert found[0].metadata["tag"] == "animal" and found[0].metadata["price"] == 30
    # The whole order is that of the embedding's own distances.
    scored = store.similarity_search_with_relevance_scores("rain on the beach", k=len(TEXTS))
    wanted = {t: squared_distance(embed("rain on the beach"), embed(t)) for t in TEXTS}
    assert {d.page_content: s for d, s in scored} == pytest.approx(wanted, abs=1e-5)
    assert [s for _, s in scored] == sorted(s for _, s in scored)
    assert store.similarity_search_by_vector(embed(TEXTS[5]), k=1)[0].page_content == TEXTS[5]


def test_filters(server, table):
    store = store_of(server, table)
    store.add_texts(TEXTS, METADATA)
    animals = store.similarity_search("rain", k=10, search_filter={"tag": "animal"})
    assert {d.page_content for d in animals} == {t for t, m in zip(TEXTS, METADATA) if m["tag"] == "animal"}
    dear = store.similarity_search_with_relevance_scores("rain", k=10, search_filter={"tag": "other", "price": 20})
    assert {d.page_content for d, _ in dear} == {t for t, m in zip(TEXTS, METADATA) if m["tag"] == "other" and m["price"] > 20}
    assert store.similarity_search("rain", k=10, search_filter={"tag": "nothing"}) == []


def test_delete(server, table):
    store = store_of(server, table)
    store.add_texts(TEXTS, METADATA)
    assert store.delete_documents_with_texts(TEXTS[:2]) is True
    assert {d.page_content for d in store.similarity_search("cats", k=10)} == set(TEXTS[2:])
    assert store.delete_documents_with_document_id(keys(TEXTS[2:3]) + ["never there"]) is True
    assert {d.page_content for d in store.similarity_search("cats", k=10)} == set(TEXTS[3:])
    store.add_texts(TEXTS[:1], METADATA[:1])
    assert store.similarity_search("cats sleep on the sofa", k=1)[0].page_content == TEXTS[0]


def test_as_a_retriever(server, table):
    create(server, "langchain_documents", FIELDS, [{"vectorField": "embedding", "dimension": str(DIMENSION)}])
    try:
        config = store_of(server, "langchain_documents").config
        documents = [Document(page_content=t, metadata=m) for t, m in zip(TEXTS, METADATA)]
        store = AlibabaCloudOpenSearch.from_documents(documents, HashedWords(), config)
        retriever = store.as_retriever(search_kwargs={"k": 2, "search_filter": {"tag": "animal"}})
        found = retriever.invoke("dogs run on the beach")
        assert [d.page_content for d in found][0] == "dogs run on the beach" and len(found) == 2
    finally:
        drop(server, "langchain_documents")


def test_the_reason_of_a_refusal_is_logged(server, table, caplog):
    store = store_of(server, "no_such_table")
    with caplog.at_level(logging.ERROR), pytest.raises(KeyError):
        store.similarity_search("cats")
    assert "no_such_table" in caplog.text


def test_wrong_credentials(tmp_path):
    logging.disable(logging.CRITICAL)  # the store's own log call is malformed, and pytest raises that
    try:
        with Server(tmp_path / "data", env={"OCELLUS_API_KEY": "a-key-that-is-long-enough-0123"}) as server:
            with pytest.raises(TeaException, match="401|Unauthorized"):
                store_of(server, "t").add_texts(["x"], [{}])
    finally:
        logging.disable(logging.NOTSET)


def test_texts_beside_pictures(server):
    """The store knows texts only; the server vectorises a picture of the same row in a second field."""
    fields = FIELDS | {"picture": "STRING", "picture_vector": "MULTI_FLOAT"}
    create(server, "langchain_pictures", fields,
           [{"vectorField": "embedding", "dimension": str(DIMENSION)}, {"vectorField": "picture_vector", "dimension": "0"}],
           process=[vectorize("picture", "picture_vector", "image")])
    try:
        config = store_of(server, "langchain_pictures").config
        config.field_name_mapping["picture"] = "picture"
        config.inverse_field_name_mapping["picture"] = "picture"
        store = AlibabaCloudOpenSearch(HashedWords(), config)
        pictures = [b64(picture(i, "PNG")) for i in range(3)]
        assert store.add_texts(TEXTS[:3], [m | {"picture": p} for m, p in zip(METADATA, pictures)]) == keys(TEXTS[:3])
        assert store.similarity_search(TEXTS[1], k=1)[0].page_content == TEXTS[1]
        body = {
            "tableName": "langchain_pictures", "indexName": "picture_vector", "modal": "image", "content": pictures[2], "topK": 1,
            "outputFields": ["document"]
        }
        assert ask(server, "inference-query", body)["result"][0]["fields"] == {"document": TEXTS[2]}
    finally:
        drop(server, "langchain_pictures")
