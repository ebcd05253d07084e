from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocellus_training.data import PixelCache, middle_part, prepare, read_labels, stream_pictures


def _webp(colour: tuple[int, int, int], size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """One shard in which two different pictures have the same name."""
    members = [
        ("grocery/a_001.webp", "grocery", _webp((255, 0, 0))),
        ("tiny/n1_1.webp", "tiny", _webp((0, 0, 255), (64, 64))),
        ("grocery/a_001.webp", "grocery", _webp((0, 255, 0))),
    ]
    with tarfile.open(tmp_path / "train-00.tar", "w") as tar:
        for name, _, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    with open(tmp_path / "labels.jsonl", "w", encoding="utf-8") as lines:
        for name, source, _ in members:
            row = {"shard": 0, "file": name, "source": source, "cls": "a", "texts": ["apple"]}
            lines.write(json.dumps(row) + "\n")
    return tmp_path


def test_members_of_one_name_stay_apart(photos: Path) -> None:
    contents = [content for _, content in stream_pictures(photos, read_labels(photos))]
    assert len(contents) == 3
    assert contents[0] != contents[2]


def test_reading_stops_when_labels_and_tar_disagree(photos: Path) -> None:
    pictures = read_labels(photos)
    with pytest.raises(ValueError, match="not what labels.jsonl lists"):
        list(stream_pictures(photos, pictures[1:]))
    with pytest.raises(ValueError, match="2 members|not what"):
        list(stream_pictures(photos, [pictures[0], pictures[1]]))


def test_cache_gives_each_picture_its_own_pixels(photos: Path, tmp_path: Path) -> None:
    pictures = read_labels(photos)
    cache = PixelCache(tmp_path / "cache", pictures)
    cache.build(photos, pictures)
    colours = [cache.pixels(i)[112, 112].tolist() for i in range(3)]
    assert colours == [[255, 0, 0], [0, 0, 255], [0, 255, 0]]
    assert all(cache.pixels(i).shape == (224, 224, 3) for i in range(3))


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((100, 100), (0, 0, 100, 100)),
        ((120, 100), (0, 0, 120, 100)),
        ((300, 100), (87, 0, 212, 100)),
        ((100, 300), (0, 87, 100, 212)),
    ],
)
def test_middle_part(size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    assert middle_part(Image.new("RGB", size)) == box


def test_prepare_looks_only_at_the_middle() -> None:
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 87:212] = 200
    assert prepare(Image.fromarray(picture)).min() == 200


def test_labels_of_the_training_data(paths) -> None:
    pictures = read_labels(paths.photos)
    assert [p.index for p in pictures] == list(range(len(pictures)))
    first = [p for p in pictures if p.shard == 7][:50]
    stream = stream_pictures(paths.photos, [p for p in pictures if p.shard == 7])
    for expected in first:
        picture, content = next(stream)
        assert picture == expected
        Image.open(io.BytesIO(content)).verify()
