"""Measures a bundle as the server runs it: its ONNX files through OpenVINO, on pictures training never saw."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from PIL import Image

from ocellus_training import evaluate, export, extend_text, metrics, robustness, sentence, split, texts
from ocellus_training.data import Picture, PixelCache, picture_bytes, read_labels
from ocellus_training.settings import IMAGE_SIZE, MAX_TOKENS, Paths
from ocellus_training.split import Role
from ocellus_training.vocabulary import read_pairs

BATCH = 8
CHANGED = 200  # larger test pictures of which changed copies are looked for
GALLERY = 10_000
MISSPELT = 400


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
        self._told: dict[str, np.ndarray] = {}
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
        """Vectors, remembered: several measures ask for the same captions."""
        fresh = sorted({name for name in names if name not in self._told})
        if fresh:
            self._told.update(zip(fresh, self._embed_texts(fresh, batch)))
        return np.stack([self._told[name] for name in names])

    def _embed_texts(self, names: Sequence[str], batch: int) -> np.ndarray:
        """Grouped by padded length, so that few input shapes are seen."""
        ids, mask = sentence.encode_batch(self._tokenizer, names, export.LENGTH_MULTIPLE)
        lengths = -(-mask.sum(1) // export.LENGTH_MULTIPLE) * export.LENGTH_MULTIPLE
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
    *,
    full: bool = True,
) -> tuple[dict[str, Any], dict[int, np.ndarray]]:
    """The table's numbers, and the vector of every picture they were taken from.

    Not `full`: test pictures alone, without distractors, changed pictures and Chinese.
    """
    pictures = read_labels(paths.photos)
    pixels = PixelCache(paths.work / "pixels", pictures)
    pixels.build(paths.photos, pictures)
    role = split.roles(pictures)
    rows = np.flatnonzero(np.isin(role, (Role.TEST, Role.UNSEEN) if full else (Role.TEST,)))
    runner = BundleRunner(bundle, vision, text)

    def embed(chosen: np.ndarray) -> np.ndarray:
        starts = range(0, len(chosen), 256)
        return np.concatenate([runner.pictures([pixels.pixels(int(i)) for i in chosen[s : s + 256]]) for s in starts])

    started = time.monotonic()
    vectors = embed(rows)
    speed = len(rows) / (time.monotonic() - started)
    names = texts.imagenet_names(paths.imagenet_labels)
    others = {}
    if full:
        for name, chosen in zip((evaluate.SMALL, evaluate.LARGE), split.distractors(pictures)):
            others[name] = evaluate.HeldOut([pictures[int(i)] for i in chosen], embed(chosen))
    result = evaluate.evaluate(pictures, role, rows, vectors, runner.texts, names, distractors=others)
    result["pictures_per_second"] = speed
    if full:
        result["robust"] = robust(paths, pictures, role, dict(zip(rows.tolist(), vectors)), others, runner)
        result["readings"] = readings(pictures, role, runner)
    return result, dict(zip(rows.tolist(), vectors))


def robust(
    paths: Paths,
    pictures: Sequence[Picture],
    role: np.ndarray,
    vectors: dict[int, np.ndarray],
    others: dict[str, evaluate.HeldOut],
    runner: BundleRunner,
) -> dict[str, float]:
    """Changed copies of larger test pictures, looked for among 10,000."""
    wanted = [p for p in pictures if p.source != "tiny" and role[p.index] == Role.TEST]
    wanted = sorted(wanted, key=lambda p: split.fraction(f"robust:{p.index}"))[:CHANGED]
    stored = picture_bytes(paths.photos, wanted)
    originals = [Image.open(io.BytesIO(stored[p.index])).convert("RGB") for p in wanted]
    own = np.stack([vectors[p.index] for p in wanted])
    taken = {p.index for p in wanted}
    rest = np.stack([v for i, v in vectors.items() if i not in taken])
    gallery = np.concatenate([own, rest, *(h.vectors for h in others.values())])[:GALLERY]
    return robustness.own_nearest(originals, gallery, runner.pictures)


def readings(pictures: Sequence[Picture], role: np.ndarray, runner: BundleRunner) -> dict[str, float]:
    """Do a Chinese query, a misspelt caption and a plural mean what the plain English one does?"""
    rs = np.random.RandomState(0)
    captions = [p.texts[0] for p in pictures if p.captioned and role[p.index] == Role.TEST][:MISSPELT]
    wrong = [extend_text.misspell(caption, rs) for caption in captions]
    queries = read_pairs("queries.tsv")
    chinese = runner.texts([query for query, _ in queries])
    english = runner.texts([meaning for _, meaning in queries])
    clean, misspelt = runner.texts(captions), runner.texts(wrong)

    def first(queries: np.ndarray, targets: np.ndarray) -> float:
        scores = queries @ targets.T
        own = scores[np.arange(len(targets)), np.arange(len(targets))]
        return float(((scores > own[:, None] + 1e-4).sum(1) == 0).mean())

    alike = float(metrics.cosines(chinese, english).mean())
    kept = float(metrics.cosines(misspelt, clean).mean())
    return {
        f"{len(queries)} Chinese queries: cosine to the English": alike,
        "the same: the right one of the English queries is nearest": first(chinese, english),
        f"{len(captions)} captions misspelt: cosine to the caption": kept,
        "the same: the right one of the captions is nearest": first(misspelt, clean),
    }
