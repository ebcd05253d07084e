"""Measures the subject detector and item search of a bundle, as the server runs them, on held-out pictures."""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ocellus_training import quality, split, subject_data
from ocellus_training.data import Picture, prepare, read_labels, stream_pictures
from ocellus_training.settings import IMAGE_SIZE, MAX_ASPECT, Paths
from ocellus_training.split import Role
from ocellus_training.subject_data import SIZE, Item
from ocellus_training.subject_teachers import overlap, suppress
from ocellus_training.train_subjects import as_input

ITEM_SOURCES = ("fashion", "caltech", "clothing")
SCENE_SOURCES = ("coco", "flickr", "flickr8k")
PRODUCTS = 400
CANDIDATES = 1400  # pictures looked at for plain grounds
COMPOSED = (0.2, 0.9)  # longer side of the item, of the scene's
HALF_OR_LESS = (0.3, 0.5)
PASTED_SCENES = 400
QUERY_ITEMS, QUERY_ITEM_SHARE = 3, 0.3  # items of a query, and the least share of the best one's score
GOALS = {
    "single objects, labelled by hand": 0.70,
    "composed product scenes": 0.75,
    "item search among 400, pasted at half size or less": 0.70,
}
HELD_OUT = (Role.TEST, Role.UNSEEN)


def has_subjects(bundle: Path) -> bool:
    return (bundle / "subjects.json").exists()


class SubjectRunner:
    """A bundle's subject model, with the suppression that the server does."""

    def __init__(self, bundle: Path, model: Path | None = None, threads: int = 1):
        self.config: dict[str, Any] = json.loads((bundle / "subjects.json").read_text(encoding="utf-8"))
        self._model = quality.compile_fixed(model or bundle / self.config["model"], threads, options={})

    def subjects(self, picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
        """Boxes [n, 4] and scores [n], best first; nothing below the bundle's least score."""
        pixels = np.asarray(picture.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC))
        result = self._model([as_input(pixels[None])])
        boxes, scores = result[self.config["boxes"]][0], result[self.config["scores"]][0]
        good = scores >= self.config["min_score"]
        kept = suppress(boxes[good], scores[good], self.config["nms_iou"])
        return boxes[good][kept], scores[good][kept]

    def best(self, picture: Image.Image) -> np.ndarray:
        """The best box; the whole picture where there is none."""
        boxes, _ = self.subjects(picture)
        return boxes[0] if len(boxes) else np.array([0, 0, 1, 1], np.float32)


def cut(picture: Image.Image, box: np.ndarray) -> Image.Image:
    """The box, and along its short side as much ground as makes it no longer than what the picture network sees.

    As `ItemCut()` of the server (src/engine/item_cut.h), whose test has the same cases.
    """
    corners = np.clip(box, 0, 1) * (picture.size * 2)
    left, top, right, bottom = (round(float(v)) for v in corners)
    left, width = min(left, picture.width - 1), max(right - left, 1)
    top, height = min(top, picture.height - 1), max(bottom - top, 1)
    x, wide = lengthened(left, width, math.ceil(height / MAX_ASPECT), picture.width)
    y, high = lengthened(top, height, math.ceil(width / MAX_ASPECT), picture.height)
    return picture.crop((x, y, x + wide, y + high))


def lengthened(start: int, size: int, wanted: int, full: int) -> tuple[int, int]:
    """A span of [0, full), `wanted` long if it was not longer and there is room, its middle where it was if it can."""
    wanted = min(max(wanted, size), full)
    return min(max(start - (wanted - size) // 2, 0), full - wanted), wanted


def hit(found: np.ndarray, truth: np.ndarray) -> bool:
    return bool(overlap(found[None], truth[None])[0, 0] > 0.5)


class HeldOut:
    """Held-out products on plain ground and held-out scenes, the same ones every time."""

    def __init__(self, paths: Paths):
        pictures = read_labels(paths.photos)
        role = split.roles(pictures)

        def chosen(sources: Sequence[str], count: int) -> list[Picture]:
            found = [p for p in pictures if p.source in sources and role[p.index] in HELD_OUT]
            return sorted(found, key=lambda p: split.fraction(f"subjects:{p.index}"))[:count]

        candidates, scenes = chosen(ITEM_SOURCES, CANDIDATES), chosen(SCENE_SOURCES, PASTED_SCENES)
        labelled = subject_data.hand_labelled()
        named = [p for p in pictures if p.source == "tiny" and p.file in labelled]
        if len(named) != len(labelled) or any(role[p.index] not in HELD_OUT for p in named):
            raise ValueError("subjects/boxes.tsv names pictures that are not there or not held out")
        wanted = {p.index for p in (*candidates, *scenes, *named)}
        stored = {p.index: content for p, content in stream_pictures(paths.photos, pictures) if p.index in wanted}

        def image(picture: Picture) -> Image.Image:
            return Image.open(io.BytesIO(stored[picture.index])).convert("RGB")

        self.labelled = [(image(p), labelled[p.file]) for p in named]
        self.scenes = [image(p).resize(SIZE, Image.Resampling.BICUBIC) for p in scenes]
        self.products: list[tuple[Image.Image, Item]] = []  # the picture, and its item cut out
        for picture in map(image, candidates):
            pixels = np.asarray(picture.resize(SIZE, Image.Resampling.BICUBIC))
            mask = subject_data.item_mask(pixels)
            if mask is not None and len(self.products) < PRODUCTS:
                alpha = Image.fromarray(mask.astype(np.uint8) * 255).resize(picture.size, Image.Resampling.BILINEAR)
                self.products.append((picture, Item(picture, alpha)))

    def pasted(self, between: tuple[float, float], whole: bool = False) -> list[tuple[Image.Image, np.ndarray]]:
        """Every product on a scene of its own, and where it is; `whole`: with its ground."""
        rs = np.random.RandomState(11)
        made = []
        for position, (picture, item) in enumerate(self.products):
            scene = self.scenes[position % len(self.scenes)]
            shown = Item(picture, None) if whole else item
            made.append(subject_data.place(scene, shown, float(rs.uniform(*between)), rs))
        return made


def found_first(queries: np.ndarray, gallery: np.ndarray, first: int = 5) -> float:
    """Share of queries whose own gallery vector is among the first."""
    return first_share(queries @ gallery.T, first)


def first_share(scores: np.ndarray, first: int) -> float:
    own = np.diagonal(scores)
    return float(((scores > own[:, None]).sum(1) < first).mean())


def measure(paths: Paths, bundle: Path) -> dict[str, float]:
    runner, held = SubjectRunner(bundle), HeldOut(paths)
    embedder = quality.BundleRunner(bundle)

    def vectors(images: Sequence[Image.Image]) -> np.ndarray:
        found = embedder.pictures([prepare(i) for i in images])
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def share(cases: Sequence[tuple[Image.Image, np.ndarray]]) -> float:
        return float(np.mean([hit(runner.best(picture), box) for picture, box in cases]))

    def item_scores(images: Sequence[Image.Image]) -> np.ndarray:
        """[images, products]: each product's best score against any item of the picture."""
        cuts, owners = [], []
        for position, picture in enumerate(images):
            boxes, scores = runner.subjects(picture)
            if len(boxes) == 0:
                boxes, scores = np.array([[0, 0, 1, 1]], np.float32), np.ones(1)
            good = boxes[:QUERY_ITEMS][scores[:QUERY_ITEMS] >= QUERY_ITEM_SHARE * scores[0]]
            cuts += [cut(picture, box) for box in good]
            owners += [position] * len(good)
        best = np.full((len(images), len(items)), -1.0)
        np.maximum.at(best, owners, vectors(cuts) @ items.T)
        return best

    half = held.pasted(HALF_OR_LESS)
    plain, scenes = [p for p, _ in held.products], [p for p, _ in half]
    items = vectors([cut(p, runner.best(p)) for p in plain])
    whole = vectors(plain)
    turned = [p.rotate(8, Image.Resampling.BICUBIC, fillcolor=p.getpixel((0, 0))) for p in plain]
    return {
        "single objects, labelled by hand": share(held.labelled),
        "the same: the middle four fifths of each side": float(
            np.mean([hit(np.array([0.1, 0.1, 0.9, 0.9], np.float32), b) for _, b in held.labelled])
        ),
        "composed product scenes": share(held.pasted(COMPOSED)),
        "the same, pasted with their plain ground": share(held.pasted(COMPOSED, whole=True)),
        "item search among 400, pasted at half size or less": first_share(item_scores(scenes), 5),
        "the same by the best box alone": found_first(vectors([cut(p, runner.best(p)) for p in scenes]), items),
        "the same by general search": found_first(vectors(scenes), whole),
        "the same with the true box": found_first(vectors([cut(p, b) for p, b in half]), items),
        "plain product pictures, turned by 8 degrees: item search": first_share(item_scores(turned), 1),
        "the same by general search ": found_first(vectors(turned), whole, 1),
        "milliseconds a picture on one core": milliseconds(runner, scenes),
    }


def milliseconds(runner: SubjectRunner, pictures: Sequence[Image.Image]) -> float:
    """Model and suppression, resizing not counted twice: the pictures are of the model's size. The best of three."""
    rounds = []
    for _ in range(3):
        started = time.process_time()
        for picture in pictures[:64]:
            runner.subjects(picture)
        rounds.append((time.process_time() - started) / min(len(pictures), 64) * 1000)
    return min(rounds)


def table(result: dict[str, float]) -> str:
    lines = ["| subjects and items | reached | goal |", "|---|---|---|"]
    for name, value in result.items():
        goal = f"{GOALS[name]:.0%}" if name in GOALS else "5" if name.startswith("milliseconds") else ""
        reached = f"{value:.1f}" if name.startswith("milliseconds") else f"{value:.1%}"
        lines.append(f"| {name.strip()} | {reached} | {goal} |")
    return "\n".join(lines)


def print_subjects(paths: Paths, bundle: Path) -> None:
    if has_subjects(bundle):
        print("\n" + table(measure(paths, bundle)))


assert IMAGE_SIZE == SIZE[0]
