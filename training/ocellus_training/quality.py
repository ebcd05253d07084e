"""Measures a bundle as the server runs it: its ONNX files through OpenVINO, on pictures training never saw."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from ocellus_training import evaluate, sentence, split, texts
from ocellus_training.data import PixelCache, read_labels
from ocellus_training.settings import IMAGE_SIZE, MAX_TOKENS, Paths
from ocellus_training.split import Role

LENGTH_MULTIPLE = 16
BATCH = 8


# No shortcuts of the runtime: float arithmetic wherever the file says float.
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}


def compile_fixed(model: Path, threads: int = 1, options: dict[str, str] | None = None) -> openvino.CompiledModel:
    core = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": str(threads), **(EXACT if options is None else options)}
    return core.compile_model(core.read_model(model), "CPU", options)


class BundleRunner:
    """A bundle's two networks and its tokenizer."""

    def __init__(
        self,
        bundle: Path,
        vision: Path | None = None,
        text: Path | None = None,
        options: dict[str, str] | None = None,
    ):
        onnx = bundle / "onnx"
        self._vision = compile_fixed(vision or onnx / "vision_model.onnx", options=options)
        self._text = compile_fixed(text or onnx / "text_model.onnx", options=options)
        self._tokenizer = sentence.load_tokenizer(bundle / "tokenizer.json")
        self.config: dict[str, Any] = json.loads((bundle / "config.json").read_text(encoding="utf-8"))

    def pictures(self, pixels: Sequence[np.ndarray], batch: int = BATCH) -> np.ndarray:
        vectors = []
        for start in range(0, len(pixels), batch):
            chunk = pixels[start : start + batch]
            padded = np.zeros((batch, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
            padded[: len(chunk)] = chunk
            vectors.append(np.array(self._vision([padded])[0])[: len(chunk)])
        return np.concatenate(vectors)

    def texts(self, names: Sequence[str], batch: int = BATCH) -> np.ndarray:
        """Grouped by padded length, so that few input shapes are seen."""
        ids, mask = sentence.encode_batch(self._tokenizer, names, LENGTH_MULTIPLE)
        lengths = -(-mask.sum(1) // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
        vectors = np.zeros((len(names), self.config["dimension"]), np.float32)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for start in range(0, len(rows), batch):
                chunk = rows[start : start + batch]
                padded_ids = np.zeros((batch, min(int(length), MAX_TOKENS)), np.int64)
                padded_mask = np.zeros_like(padded_ids)
                padded_mask[:, 0] = 1
                padded_ids[: len(chunk)] = ids[chunk][:, : padded_ids.shape[1]]
                padded_mask[: len(chunk)] = mask[chunk][:, : padded_ids.shape[1]]
                vectors[chunk] = np.array(self._text([padded_ids, padded_mask])[0])[: len(chunk)]
        return vectors


def measure(
    paths: Paths,
    bundle: Path,
    vision: Path | None = None,
    text: Path | None = None,
    parts: Sequence[Role] = (Role.TEST, Role.UNSEEN),
) -> tuple[dict[str, Any], dict[int, np.ndarray]]:
    """The table's numbers, and the vector of every picture they were taken from."""
    pictures = read_labels(paths.photos)
    pixels = PixelCache(paths.work / "pixels", pictures)
    pixels.build(paths.photos, pictures)
    role = split.roles(pictures)
    rows = np.flatnonzero(np.isin(role, parts))
    runner = BundleRunner(bundle, vision, text)
    started = time.monotonic()
    vectors = np.concatenate(
        [runner.pictures([pixels.pixels(int(i)) for i in rows[s : s + 256]]) for s in range(0, len(rows), 256)]
    )
    seconds = time.monotonic() - started
    names = texts.imagenet_names(paths.imagenet_labels)
    result = evaluate.evaluate(pictures, role, rows, vectors, runner.texts, names)
    result["pictures_per_second"] = len(rows) / seconds
    return result, dict(zip(rows.tolist(), vectors))
