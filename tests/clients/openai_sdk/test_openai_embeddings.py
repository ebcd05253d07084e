"""Embeddings through OpenAI's own Python client."""
import base64
import math
import struct

import openai
import pytest

from openai_fixtures import base_url, client, data_url, picture_of, place  # noqa: F401 fixtures


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b))


def vectors(client, inputs, **more):
    answer = client.embeddings.create(model="text-embedding-3-small", input=inputs, **more)
    assert [d.index for d in answer.data] == list(range(len(answer.data)))
    return [d.embedding for d in answer.data]


def test_texts_come_back_in_order(client):
    # The client asks for base64 by itself and decodes it.
    words = [f"a photo of {n} dogs" for n in ("one", "two", "three", "four", "five", "six", "seven")]
    together = vectors(client, words)
    assert all(math.isclose(cosine(v, v), 1, abs_tol=1e-5) for v in together)
    for word, vector in zip(words, together):
        assert cosine(vectors(client, word)[0], vector) > 0.99999


def test_float_and_base64_are_the_same_numbers(client):
    (plain,) = vectors(client, "a red disc", encoding_format="float")
    raw = client.embeddings.with_raw_response.create(model="default", input="a red disc", encoding_format="base64")
    data = base64.b64decode(raw.http_response.json()["data"][0]["embedding"])
    numbers = struct.unpack(f"<{len(plain)}f", data)
    assert list(numbers) == list(struct.unpack(f"<{len(plain)}f", struct.pack(f"<{len(plain)}f", *plain)))


def test_pictures_and_words_are_near_each_other(client, place):
    as_url = f"{place.web.url}/red.jpg"
    as_data = data_url(picture_of("red", 128))
    by_url, by_data, blue = vectors(client, [as_url, as_data, f"{place.web.url}/blue.jpg"])
    assert cosine(by_url, by_data) > 0.9999
    assert cosine(by_url, blue) < 0.99


def test_usage_counts_the_tokens_of_the_texts(client):
    short = client.embeddings.create(model="default", input="a dog").usage
    long = client.embeddings.create(model="default", input=["a dog", "a dog that runs"]).usage
    assert short.prompt_tokens == short.total_tokens == 2
    assert long.total_tokens == 6
    assert client.embeddings.create(model="default", input=data_url(picture_of("red"))).usage.total_tokens == 0


def test_errors_are_the_clients_own(client, base_url):
    with pytest.raises(openai.BadRequestError) as error:
        client.embeddings.create(model="default", input=["fine", ""])
    assert error.value.param == "input[1]" and error.value.code == "invalid_parameter"
    with pytest.raises(openai.BadRequestError, match="token arrays"):
        client.embeddings.create(model="default", input=[1, 2, 3])
    with pytest.raises(openai.BadRequestError) as error:
        client.embeddings.create(model="default", input="data:image/png;base64,AAAA")
    assert error.value.code == "invalid_image"
    with pytest.raises(openai.BadRequestError, match="dimensions: the model"):
        client.embeddings.create(model="default", input="a", dimensions=7)
    with pytest.raises(openai.NotFoundError) as error:
        client.embeddings.create(model="no-such-model", input="a")
    assert error.value.code == "model_not_found"
    with pytest.raises(openai.AuthenticationError) as error:
        openai.OpenAI(base_url=base_url, api_key="wrong").embeddings.create(model="default", input="a")
    assert error.value.code == "invalid_api_key"


def test_dimensions_of_the_bundle_are_taken(client):
    size = len(vectors(client, "a")[0])
    assert len(vectors(client, "a", dimensions=size)[0]) == size


def test_a_large_batch(client):
    words = [f"picture number {i}" for i in range(500)]
    assert len(vectors(client, words)) == 500
