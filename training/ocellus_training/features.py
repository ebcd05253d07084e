"""Backbone features of every picture, computed by the 8-bit network that ships: heads trained on them fit it."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
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
    return np.concatenate(
        [rs.choice(train[~small], CALIBRATION_LARGE, False), rs.choice(train[small], CALIBRATION_SMALL, False)]
    )


def export_features(backbone: MobileNetV2, pixels: PixelCache, calibration: np.ndarray, folder: Path) -> Path:
    """Writes features_float.onnx and features.onnx (8 bits)."""
    source, target = folder / "features_float.onnx", folder / "features.onnx"
    export.export_pictures_to(FeatureTower(backbone), source, "features")
    quantise.quantise_convolutions(source, target, (pixels.pixels(int(i))[None] for i in calibration))
    return target


def extract(
    model: Path, pixels: PixelCache, rows: np.ndarray, view: int, target: Path, count: int, threads: int = 2
) -> None:
    """Fills `rows` of a float16 array [count, 2324]. View 0 is the picture itself, others are random views."""
    if target.with_suffix(".done").exists():
        return
    output = np.lib.format.open_memmap(target, "w+", np.float16, (count, WIDTH))
    compiled = quality.compile_fixed(model, threads)
    started = time.monotonic()

    def one(index: int) -> np.ndarray:
        if view == 0:
            return pixels.pixels(index)
        rs = np.random.RandomState((SEED + 7919 * view + index) % 2**32)
        image = views.training_view(pixels.image(index), rs)
        return np.asarray(views.degrade(image, rs) if rs.rand() < 0.3 else image)

    def batch(start: int) -> None:
        chosen = rows[start : start + BATCH]
        inputs = np.zeros((BATCH, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
        inputs[: len(chosen)] = [one(int(i)) for i in chosen]
        result = compiled.create_infer_request().infer([inputs])[0]
        output[chosen] = result[: len(chosen)]
        if start % 8000 == 0:
            rate = (start + BATCH) / (time.monotonic() - started)
            log.info("features view %d: %d of %d, %.0f/s", view, start, len(rows), rate)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(batch, range(0, len(rows), BATCH)))
    output.flush()
    target.with_suffix(".done").touch()
