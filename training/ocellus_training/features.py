"""Backbone features of every picture, computed by the 8-bit network that ships: heads trained on them fit it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ocellus_training import export, mobilenet, quality, quantise, views
from ocellus_training.data import PixelCache
from ocellus_training.mobilenet import MobileNetV2
from ocellus_training.settings import IMAGE_SIZE, SEED
from ocellus_training.towers import EXTRA, ColourSummary, GridSummary

log = logging.getLogger(__name__)

WIDTH = mobilenet.POOLED + EXTRA
BATCH = 8
CALIBRATION_LARGE, CALIBRATION_SMALL = 96, 24
VIEW_SEED = SEED + 395_950
SHRUNK = 80  # pixels: half of what most training pictures have

Look = Callable[[int], np.ndarray]  # of a picture's index: uint8 [224, 224, 3]


class FeatureTower(nn.Module):
    """uint8 [n,224,224,3] to [n,2324]: pooled features, the summary of the map before the last block, colours."""

    def __init__(self, backbone: MobileNetV2):
        super().__init__()
        self.backbone = backbone
        self.summary = GridSummary()
        self.colours = ColourSummary()

    def forward(self, u8_nhwc: Tensor) -> Tensor:
        pooled, grid = self.backbone(mobilenet.normalise_pixels(u8_nhwc))
        return torch.cat([pooled, self.summary(grid), self.colours(u8_nhwc)], 1)


def calibration_pictures(pixels: PixelCache, train: np.ndarray) -> np.ndarray:
    rs = np.random.RandomState(SEED)
    small = pixels.small[train]
    return np.concatenate([some(rs, train[~small], CALIBRATION_LARGE), some(rs, train[small], CALIBRATION_SMALL)])


def some(rs: np.random.RandomState, rows: np.ndarray, count: int) -> np.ndarray:
    """`count` of the rows, or all where there are fewer: training may leave a source out."""
    return rs.choice(rows, min(count, len(rows)), replace=False)


def export_features(tower: FeatureTower, pixels: PixelCache, calibration: np.ndarray, folder: Path) -> Path:
    """Writes features_float.onnx and features.onnx (8 bits)."""
    source, target = folder / "features_float.onnx", folder / "features.onnx"
    export.export_pictures_to(tower, source, "features")
    quantise.quantise_convolutions(source, target, (pixels.pixels(int(i))[None] for i in calibration))
    return target


def extract(model: Path, rows: np.ndarray, look: Look, target: Path) -> np.ndarray:
    """What `model` says, float16 [len(rows), width], of what `look` gives for each row; kept in `target`."""
    if target.exists():
        return np.load(target)
    threads = len(os.sched_getaffinity(0))
    compiled = quality.compile_fixed(model, threads, {**quality.EXACT, "NUM_STREAMS": str(threads)})
    output = np.zeros((len(rows), compiled.output(0).partial_shape[1].get_length()), np.float16)
    started = time.monotonic()

    def batch(start: int) -> None:
        chosen = rows[start : start + BATCH]
        inputs = np.zeros((BATCH, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
        inputs[: len(chosen)] = [look(int(i)) for i in chosen]
        result = compiled.create_infer_request().infer([inputs])[0]
        output[start : start + len(chosen)] = result[: len(chosen)]
        if start % 8000 == 0:
            rate = (start + BATCH) / (time.monotonic() - started)
            log.info("features %s: %d of %d, %.0f/s", target.stem, start, len(rows), rate)

    # The first alone: two threads at once in OpenVINO's first conversion of an array can wait for each other for ever.
    if len(rows):
        batch(0)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(batch, range(BATCH, len(rows), BATCH)))
    partial = target.with_suffix(".part.npy")
    np.save(partial, output)
    partial.rename(target)
    return output


def varied(pixels: PixelCache, view: int, smallest: float, index: int) -> np.ndarray:
    """The random view number `view` of a picture: always the same one."""
    rs = np.random.RandomState((VIEW_SEED + 7919 * view + index) % 2**32)
    return np.asarray(views.head_view(pixels.image(index), rs, smallest))


def grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def shrunk(image: Image.Image) -> Image.Image:
    return image.resize((SHRUNK, SHRUNK), Image.Resampling.BICUBIC)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {"grey": grey, "shrunk": shrunk}


def copied(pixels: PixelCache, change: Callable[[Image.Image], Image.Image], index: int) -> np.ndarray:
    """A picture's copy as the model gets it."""
    image = change(pixels.image(index))
    return np.asarray(image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Group:
    """Training pictures of which `views` random views are taken, none with less than `smallest` of the area."""

    name: str
    rows: np.ndarray
    views: int
    smallest: float


class Features:
    """Features of pictures as they are, and of random views of them; picture i's are rows of `table[i]`."""

    def __init__(self, count: int) -> None:
        self._parts: list[np.ndarray] = []
        self._columns: list[np.ndarray] = []
        self._count = count
        self._total = 0

    def add(self, rows: np.ndarray, values: np.ndarray) -> None:
        """One more view of the pictures `rows`; the first that is added is the picture itself."""
        column = np.full(self._count, -1)
        column[rows] = self._total + np.arange(len(rows))
        self._total += len(rows)
        self._parts.append(values)
        self._columns.append(column)

    def finish(self) -> Features:
        self.values = np.concatenate(self._parts)
        table = np.stack(self._columns, 1)
        self.plain = table[:, 0]
        self.views = (table >= 0).sum(1)
        self.table = -np.sort(-table, 1)  # what there is comes first
        self._parts, self._columns = [], []
        return self

    def of(self, pictures: np.ndarray) -> np.ndarray:
        """float32 [n, 2324] of pictures as they are."""
        return self.values[self.plain[pictures]].astype(np.float32)

    def draw(self, pictures: np.ndarray, rs: np.random.RandomState, plain: float) -> np.ndarray:
        """Rows of one of the views of each at random, and with the chance `plain` of the picture itself."""
        rows = self.table[pictures, (rs.rand(len(pictures)) * self.views[pictures]).astype(int)]
        return np.where(rs.rand(len(pictures)) < plain, self.plain[pictures], rows)
