"""Labelled pictures: the tars, decoding as the server does it, and a cache of decoded pixels."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ocellus_training.settings import IMAGE_SIZE, MAX_ASPECT

CLASS_SOURCES = ("tiny", "caltech", "clothing", "grocery")
CAPTION_SOURCES = ("flickr", "flickr8k", "coco")
NAME_SOURCES = ("fashion",)
# Terms that allow research only, and pictures whose licence nobody states.
RESEARCH = ("tiny", "flickr", "flickr8k", "fashion")


@dataclass(frozen=True)
class Picture:
    index: int  # line of labels.jsonl
    shard: int
    file: str
    source: str
    cls: str | None
    texts: tuple[str, ...]

    @property
    def captioned(self) -> bool:
        return self.source in CAPTION_SOURCES


def read_labels(photos: Path) -> list[Picture]:
    pictures = []
    with open(photos / "labels.jsonl", encoding="utf-8") as lines:
        for index, line in enumerate(lines):
            row = json.loads(line)
            pictures.append(
                Picture(index, row["shard"], row["file"], row["source"], row.get("cls"), tuple(row["texts"]))
            )
    return pictures


def stream_pictures(photos: Path, pictures: list[Picture]) -> Iterator[tuple[Picture, bytes]]:
    """Yields every picture with its bytes.

    Members are matched to labels by position, never by name: some names occur twice in a tar.
    """
    by_shard: dict[int, list[Picture]] = {}
    for picture in pictures:
        by_shard.setdefault(picture.shard, []).append(picture)
    for shard, expected in sorted(by_shard.items()):
        position = 0
        with tarfile.open(photos / f"train-{shard:02d}.tar", mode="r|") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                if position >= len(expected) or member.name != expected[position].file:
                    raise ValueError(f"shard {shard}: member {member.name} is not what labels.jsonl lists next")
                content = tar.extractfile(member)
                assert content is not None
                yield expected[position], content.read()
                position += 1
        if position != len(expected):
            raise ValueError(f"shard {shard}: {position} members, {len(expected)} labels")


def picture_bytes(photos: Path, wanted: list[Picture]) -> dict[int, bytes]:
    """The stored bytes of some pictures, by index."""
    indices = {p.index for p in wanted}
    shards = {p.shard for p in wanted}
    of_shards = [p for p in read_labels(photos) if p.shard in shards]
    return {p.index: content for p, content in stream_pictures(photos, of_shards) if p.index in indices}


def middle_part(image: Image.Image) -> tuple[int, int, int, int]:
    """Box of the centred part whose long side is at most MAX_ASPECT times the short one."""
    width, height = image.size
    limit = int(min(width, height) * MAX_ASPECT)
    w, h = min(width, limit), min(height, limit)
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def prepare(image: Image.Image, size: int = IMAGE_SIZE) -> np.ndarray:
    """A picture as the vision model takes it: uint8 [size, size, 3]."""
    middle = image.convert("RGB").crop(middle_part(image))
    return np.asarray(middle.resize((size, size), Image.Resampling.BICUBIC))


class PixelCache:
    """Decoded pictures as memory-mapped arrays; the 64-pixel source is kept at its own size."""

    SMALL = 64

    def __init__(self, folder: Path, pictures: list[Picture]):
        self.folder = folder
        self.small = np.array([p.source == "tiny" for p in pictures])
        self.slot = np.zeros(len(pictures), np.int64)
        self.slot[self.small] = np.arange(int(self.small.sum()))
        self.slot[~self.small] = np.arange(int((~self.small).sum()))
        self._arrays: tuple[np.ndarray, np.ndarray] | None = None

    def build(self, photos: Path, pictures: list[Picture]) -> None:
        if (self.folder / "complete").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = []
        for name, side, count in (
            ("large", IMAGE_SIZE, int((~self.small).sum())),
            ("small", self.SMALL, int(self.small.sum())),
        ):
            arrays.append(
                np.lib.format.open_memmap(self.folder / f"{name}.npy", "w+", np.uint8, (count, side, side, 3))
            )
        for picture, content in stream_pictures(photos, pictures):
            small = bool(self.small[picture.index])
            image = Image.open(io.BytesIO(content))
            arrays[small][self.slot[picture.index]] = prepare(image, self.SMALL if small else IMAGE_SIZE)
        for array in arrays:
            array.flush()
        (self.folder / "complete").touch()

    def image(self, index: int) -> Image.Image:
        if self._arrays is None:
            self._arrays = (
                np.load(self.folder / "large.npy", mmap_mode="r"),
                np.load(self.folder / "small.npy", mmap_mode="r"),
            )
        return Image.fromarray(self._arrays[int(self.small[index])][self.slot[index]])

    def pixels(self, index: int) -> np.ndarray:
        """uint8 [224, 224, 3], what the model gets for this picture."""
        image = self.image(index)
        if image.size[0] != IMAGE_SIZE:
            image = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
        return np.asarray(image)
