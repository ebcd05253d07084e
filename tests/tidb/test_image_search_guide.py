"""TiDB's image search guide with pytidb: the vectors come from this server, the rows stay in TiDB."""
from typing import Any

import litellm
import pytest
from pytidb import TiDBClient
from pytidb.embeddings import EmbeddingFunction
from pytidb.schema import Field, TableModel

from jina_fixtures import KEY, picture_of, place  # noqa: F401 a fixture
from tidb_server import tidb_port  # noqa: F401 a fixture

COLOURS = ("red", "blue")


@pytest.fixture(scope="module")
def client(tidb_port):
    client = TiDBClient.connect(host="127.0.0.1", port=tidb_port, username="root", password="", database="guide",
                                ensure_db=True)
    yield client
    client.disconnect()


def embedding(place, **more):
    return EmbeddingFunction("jina_ai/jina-embedding-v4", api_base=place.api_base, multimodal=True,
                             **{"api_key": KEY, **more})


# The guide names no source_type; pytidb's own test of it says "image". The column has no index: that wants a TiFlash.
@pytest.fixture(scope="module", params=["text", "image"])
def items(client, place, request):
    images = embedding(place)

    class ImageItem(TableModel):
        __tablename__ = f"image_items_{request.param}"
        id: int | None = Field(default=None, primary_key=True)
        image_uri: str = Field()
        image_vec: Any = images.VectorField(source_field="image_uri", source_type=request.param, index=False)

    table = client.create_table(schema=ImageItem, if_exists="overwrite")
    table.bulk_insert([ImageItem(image_uri=f"{place.web.url}/{colour}.png") for colour in COLOURS])
    table.source_type = request.param
    return table


def colours(found):
    return [row["image_uri"].rsplit("/", 1)[1].removesuffix(".png") for row in found]


def test_rows_fill_their_own_vectors(items):
    assert items.rows() == len(COLOURS)
    assert all(len(row["image_vec"]) > 0 for row in items.query().to_list())


@pytest.mark.parametrize("colour", COLOURS)
def test_search_by_url(items, place, colour):
    found = items.search(f"{place.web.url}/{colour}.png").limit(3).to_list()
    assert colours(found)[0] == colour and len(found) == len(COLOURS)
    assert found[0]["_distance"] == pytest.approx(0, abs=1e-4)
    assert found[0]["_score"] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("colour", COLOURS)
def test_search_by_picture(items, colour):
    if items.source_type == "text":
        pytest.skip("pytidb sends a picture only from a column whose source_type is image")
    found = items.search(picture_of(colour)).limit(1).to_list()
    assert colours(found) == [colour] and found[0]["_distance"] == pytest.approx(0, abs=1e-4)


def test_search_by_keywords(items):
    found = items.search("orange tabby cat").limit(3).to_list()
    assert sorted(colours(found)) == sorted(COLOURS)
    assert found[0]["_distance"] <= found[1]["_distance"]


def test_search_among_those_of_a_filter(items, place):
    only = {"image_uri": f"{place.web.url}/blue.png"}
    assert colours(items.search(f"{place.web.url}/red.png").filter(only).limit(3).to_list()) == ["blue"]


def test_a_row_follows_its_picture(items, place):
    red, blue = (f"{place.web.url}/{colour}.png" for colour in COLOURS)
    items.update(values={"image_uri": blue}, filters={"image_uri": red})
    try:
        assert all(row["_distance"] < 1e-4 for row in items.search(blue).limit(3).to_list())
    finally:
        items.update(values={"image_uri": red}, filters={"id": 1})


def test_failures_say_what_is_wrong(place):
    with pytest.raises(litellm.AuthenticationError, match="API key"):
        embedding(place, api_key="another", dimensions=4).get_query_embedding("a dog")
    with pytest.raises(litellm.BadRequestError, match="404"):
        embedding(place).get_query_embedding(place.web.url + "/none.png")
