"""Embeddings through litellm, as Jina's provider and as OpenAI's."""
import base64

import litellm
import pytest

from jina_fixtures import KEY, bytes_of, cosine, picture_of, place  # noqa: F401 a fixture


@pytest.fixture(params=["jina_ai/jina-clip-v2", "jina_ai/jina-embeddings-v4", "openai/text-embedding-3-small"])
def embed(place, request):
    def embed(inputs, **more):
        answer = litellm.embedding(model=request.param, input=inputs, api_key=more.pop("api_key", KEY),
                                   api_base=place.api_base, **more)
        assert [d["index"] for d in answer.data] == list(range(len(inputs)))
        embed.usage = answer.usage
        return [d["embedding"] for d in answer.data]
    embed.provider = request.param.split("/")[0]
    return embed


def test_texts(embed):
    first, second, again = embed(["a dog", "a red car", "a dog"])
    assert cosine(first, first) == pytest.approx(1, abs=1e-5)
    assert cosine(first, again) == pytest.approx(1, abs=1e-5) and cosine(first, second) < 0.999
    assert embed.usage.prompt_tokens == 2 + 3 + 2


def test_pictures_by_url_and_by_data(embed, place):
    data = "data:image/png;base64," + base64.b64encode(bytes_of(picture_of("red"))).decode()
    by_url, blue = embed([place.web.url + "/red.png", place.web.url + "/blue.png"])
    (by_data,) = embed([data])
    assert cosine(by_url, by_data) > 0.9999 and cosine(by_url, blue) < 0.99


def test_pictures_as_jina_writes_them(place):
    inputs = ["a red disc", {"image": place.web.url + "/red.png"},
              {"image": base64.b64encode(bytes_of(picture_of("red"))).decode()}, {"text": "a red disc"}]
    answer = litellm.embedding(model="jina_ai/jina-clip-v2", input=inputs, api_key=KEY, api_base=place.api_base)
    words, url, data, text = [d["embedding"] for d in answer.data]
    assert cosine(words, text) > 0.9999 and cosine(url, data) > 0.9999


def test_the_environment_names_the_server(place, monkeypatch):
    monkeypatch.setenv("JINA_AI_API_BASE", place.api_base)
    monkeypatch.setenv("JINA_AI_API_KEY", KEY)
    assert len(litellm.embedding(model="jina_ai/jina-clip-v2", input=["a dog"]).data) == 1


def test_errors_are_litellms_own(embed):
    with pytest.raises(litellm.AuthenticationError):
        embed(["a dog"], api_key="wrong")
    with pytest.raises(litellm.BadRequestError):
        embed(["a dog", ""])
    with pytest.raises(litellm.BadRequestError):
        embed(["data:image/png;base64,AAAA"])
