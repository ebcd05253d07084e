"""pytidb's embedding functions, filled from this server, as its image search guide uses them; without a database."""
import pathlib

import pytest
from pytidb.embeddings import EmbeddingFunction

from jina_fixtures import KEY, bytes_of, cosine, picture_of, place  # noqa: F401 a fixture


@pytest.fixture(scope="module", params=["jina_ai/jina-embedding-v4", "jina_ai/jina-embeddings-v4"])
def function(place, request):
    return EmbeddingFunction(request.param, api_key=KEY, api_base=place.api_base, multimodal=True)


def test_the_dimension_is_asked_for(place):
    function = EmbeddingFunction("jina_ai/ocellus-default", api_key=KEY, api_base=place.api_base, multimodal=True)
    assert function.dimensions == len(function.get_query_embedding("a dog"))


def test_pictures_as_url_picture_and_file(function, place, tmp_path):
    file = pathlib.Path(tmp_path) / "red.png"
    file.write_bytes(bytes_of(picture_of("red")))
    by_url = function.get_query_embedding(place.web.url + "/red.png", source_type="image")
    by_picture = function.get_query_embedding(picture_of("red"), source_type="image")
    by_path = function.get_query_embedding(file, source_type="image")
    by_file_url = function.get_query_embedding(file.as_uri(), source_type="image")
    for other in (by_picture, by_path, by_file_url):
        assert cosine(by_url, other) > 0.9999


def test_a_url_without_a_source_type_is_a_picture(function, place):
    plain = function.get_query_embedding(place.web.url + "/red.png")
    assert cosine(plain, function.get_query_embedding(picture_of("red"), source_type="image")) > 0.9999


def test_many_in_one_call_and_in_order(function, place):
    urls = [place.web.url + f"/{colour}.png" for colour in ("red", "blue") * 8]
    vectors = function.get_source_embeddings(urls, source_type="image")
    assert len(vectors) == 16
    for i, vector in enumerate(vectors):
        assert cosine(vector, vectors[i % 2]) > 0.9999
    assert cosine(vectors[0], vectors[1]) < 0.99


def test_keywords(function):
    assert cosine(function.get_query_embedding("orange tabby cat"), function.get_query_embedding("orange tabby cat")) > 0.999
