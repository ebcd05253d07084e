"""Boxes of published detectors, made class-agnostic: two ncnn networks say where things of COCO's 80 kinds are.

The `ncnn` package is needed for this stage only; its result is kept in the work folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 320  # the pictures are 160 pixels, or 64
STRIDES = (8, 16, 32)
MIN_SCORE = 0.15
NMS_IOU = 0.6
NANODET_BINS = 8


@dataclass(frozen=True)
class Boxes:
    corners: np.ndarray  # float32 [n, 4], x0 y0 x1 y1 in 0..1, best first
    scores: np.ndarray  # float32 [n]


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes [n, 4] and [m, 4]: [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(2)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).clip(0).prod(1) for x in (a, b))
    return both / np.maximum(area_a[:, None] + area_b[None] - both, 1e-9)


def suppress(corners: np.ndarray, scores: np.ndarray, iou: float) -> np.ndarray:
    """Greedy non-maximum suppression: indices kept, best first."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[overlap(corners[best : best + 1], corners[order])[0] <= iou]
    return np.array(kept, np.int64)


def _points(offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Grid points in pixels [n, 2] and their strides [n, 1], level after level."""
    points, strides = [], []
    for stride in STRIDES:
        side = SIDE // stride
        y, x = np.mgrid[:side, :side]
        points.append((np.stack([x.ravel(), y.ravel()], 1) + offset) * stride)
        strides.append(np.full((side * side, 1), stride))
    return np.concatenate(points).astype(np.float32), np.concatenate(strides).astype(np.float32)


class Teacher:
    """One detector; not thread-safe."""

    def __init__(self, param: Path):
        import ncnn

        self._ncnn = ncnn
        self._net = ncnn.Net()
        self._net.opt.num_threads = 1
        self._yolox = "yolox" in param.name
        text = param.read_text(encoding="utf-8")
        if self._yolox:
            text = _without_focus(text)
        self._net.load_param_mem(text)
        self._net.load_model(str(param.with_suffix(".bin")))

    def boxes(self, picture: Image.Image) -> Boxes:
        pixels = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)
        corners, scores = self._yolox_boxes(pixels) if self._yolox else self._nanodet_boxes(pixels)
        good = scores >= MIN_SCORE
        corners, scores = np.clip(corners[good] / SIDE, 0, 1), scores[good]
        kept = suppress(corners, scores, NMS_IOU)
        return Boxes(corners[kept], scores[kept])

    def _run(self, blob: np.ndarray, name: str, outputs: list[str]) -> list[np.ndarray]:
        extractor = self._net.create_extractor()
        blob = np.ascontiguousarray(blob)  # has a name so that it outlives the extractor, which does not copy it
        extractor.input(name, self._ncnn.Mat(blob))
        results: list[Any] = [extractor.extract(output)[1] for output in outputs]
        return [np.array(result) for result in results]

    def _yolox_boxes(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        planes = ((pixels / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).astype(np.float32).transpose(2, 0, 1)
        blob = np.concatenate([planes[:, y::2, x::2] for x in (0, 1) for y in (0, 1)])
        (raw,) = self._run(blob, "683", ["output"])
        points, strides = _points(0)
        centre, size = (raw[:, :2] * strides + points), np.exp(raw[:, 2:4]) * strides
        return np.concatenate([centre - size / 2, centre + size / 2], 1), raw[:, 4] * raw[:, 5:].max(1)

    def _nanodet_boxes(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        blob = ((pixels[..., ::-1] - (103.53, 116.28, 123.675)) * (0.017429, 0.017507, 0.017125)).astype(np.float32)
        names = [f"{part}_pred_stride_{stride}" for part in ("cls", "dis") for stride in STRIDES]
        found = self._run(blob.transpose(2, 0, 1), "input.1", names)
        classes, bins = np.concatenate(found[:3]), np.concatenate(found[3:]).reshape(-1, 4, NANODET_BINS)
        share = np.exp(bins - bins.max(2, keepdims=True))
        distance = (share / share.sum(2, keepdims=True)) @ np.arange(NANODET_BINS, dtype=np.float32)
        points, strides = _points(0.5)
        distance = distance * strides
        return np.concatenate([points - distance[:, :2], points + distance[:, 2:]], 1), classes.max(1)


def _without_focus(text: str) -> str:
    """The graph fed after YOLOX's first layer, which only regroups pixels and which ncnn does not know."""
    magic, counts, _, focus, *rest = text.split("\n")
    if "Focus" not in focus:
        raise ValueError("expected the Focus layer second in YOLOX's graph")
    layers, blobs = map(int, counts.split())
    name = focus.split()[-1]
    return "\n".join([magic, f"{layers - 1} {blobs - 1}", f"Input {name} 0 1 {name}", *rest])


def merged(found: list[Boxes], iou: float = 0.5) -> Boxes:
    """Boxes of several detectors: a box that two of them see counts as their mean, and more."""
    corners, scores = found[0].corners, found[0].scores
    for other in found[1:]:
        same = overlap(corners, other.corners)
        partner = same.argmax(1) if same.size else np.zeros(len(corners), int)
        matched = (same.max(1) > iou) if same.size else np.zeros(len(corners), bool)
        mean = corners.copy()
        mean[matched] = (corners[matched] + other.corners[partner[matched]]) / 2
        sure = scores.copy()
        sure[matched] = 1 - (1 - scores[matched]) * (1 - other.scores[partner[matched]])
        left = np.setdiff1d(np.arange(len(other.scores)), partner[matched])
        corners = np.concatenate([mean, other.corners[left]])
        scores = np.concatenate([sure, other.scores[left] * 0.8])
    kept = suppress(corners, scores, NMS_IOU)
    return Boxes(corners[kept], scores[kept])
