"""What the subject detector learns from, and the trunk's maps of it.

Half are compositions, which know their boxes exactly; the others are photographs with boxes of other detectors, and
items on plain ground. Pictures of the test and unseen parts give neither items nor scenes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from PIL import Image

from ocellus_training import quality, subject_data, subject_teachers
from ocellus_training.data import Picture
from ocellus_training.settings import IMAGE_SIZE
from ocellus_training.subject_data import MASK_SIDE, SIZE, Item, Sample
from ocellus_training.subjects import COARSE, COARSE_BLOCKS, FINE, FINE_BLOCKS

log = logging.getLogger(__name__)

MOST_BOXES = 12
BATCH = 8
COMPOSED, PHOTOGRAPHED = 0.55, 0.3  # shares of the samples; the rest are items on plain ground
WHOLE_PASTED = 0.3  # of the items of compositions: the picture with its ground
SCENES = ("coco", "flickr", "flickr8k", "grocery")
OF_ONE_THING = ("tiny", "caltech", "clothing")
SURE, SURE_OF_ONE, MAYBE = 0.5, 0.35, 0.2
LEAST_AREA = 0.015
BLANK = np.zeros((0, 4), np.float32)


@dataclass
class Sources:
    """Rows of `pictures` that one part of the split offers."""

    pictures: Sequence[Picture]
    load: Callable[[int], Image.Image]  # a row's picture, RGB, squashed whole to a square
    items: np.ndarray  # pictures on plain ground
    pasted: np.ndarray  # pictures of one thing, for pasting whole
    scenes: np.ndarray
    masks: dict[int, np.ndarray]  # packed bits [112, 112]
    taught: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)  # subjects and maybes by row

    def picture(self, row: int) -> Image.Image:
        image = self.load(int(row))
        return image if image.size == SIZE else image.resize(SIZE, Image.Resampling.BICUBIC)

    def mask(self, row: int) -> Image.Image:
        bits = np.unpackbits(self.masks[int(row)])[: MASK_SIDE * MASK_SIDE].reshape(MASK_SIDE, MASK_SIDE)
        return Image.fromarray(bits * np.uint8(255)).resize(SIZE, Image.Resampling.BILINEAR)

    def item(self, rs: np.random.RandomState, whole: bool) -> Item:
        row = int(rs.choice(self.pasted if whole else self.items))
        return Item(self.picture(row), None if whole else self.mask(row))


def lessons(picture: Picture, found: list[subject_teachers.Boxes]) -> tuple[np.ndarray, np.ndarray] | None:
    """What the teachers say of a picture: its subjects, and what may be one. None: nothing worth learning."""
    boxes = subject_teachers.merged(found)
    area = (boxes.corners[:, 2:] - boxes.corners[:, :2]).prod(1)
    corners, scores = boxes.corners[area > LEAST_AREA], boxes.scores[area > LEAST_AREA]
    sure = scores > SURE
    if picture.source in OF_ONE_THING and len(scores):
        sure = (np.arange(len(scores)) == scores.argmax()) & (scores > SURE_OF_ONE)
    if not sure.any():
        return None
    return corners[sure][:MOST_BOXES], corners[~sure & (scores > MAYBE)][: MOST_BOXES - 1]


def sample(sources: Sources, rs: np.random.RandomState) -> Sample:
    kind = rs.rand()
    if kind < COMPOSED:
        count = int(rs.choice([1, 2, 3], p=[0.75, 0.19, 0.06]))
        items = [sources.item(rs, rs.rand() < WHOLE_PASTED) for _ in range(count)]
        return subject_data.compose(sources.picture(rs.choice(sources.scenes)), items, rs)
    if kind < COMPOSED + PHOTOGRAPHED and sources.taught:
        row = int(rs.choice(list(sources.taught)))
        return subject_data.view(sources.picture(row), *sources.taught[row], rs)
    row = int(rs.choice(sources.items))
    box = subject_data.mask_box(np.unpackbits(sources.masks[row]).reshape(MASK_SIDE, MASK_SIDE).astype(bool))
    return subject_data.view(sources.picture(row), box[None], BLANK, rs)


def targets(made: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [12, 4] and kinds [12] as `subjects.loss` takes them."""
    boxes, kinds = np.zeros((MOST_BOXES, 4), np.float32), np.full(MOST_BOXES, -1, np.int8)
    both = np.concatenate([made.boxes, made.unsure])[:MOST_BOXES]
    boxes[: len(both)] = both
    kinds[: len(both)] = (np.arange(len(both)) < len(made.boxes)).astype(np.int8)
    return boxes, kinds


def trunk_model(features: Path, target: Path) -> None:
    """The 8-bit backbone with its two maps as outputs."""
    model = onnx.load(features)
    del model.graph.output[:]
    for name, block, shape in (
        ("fine", FINE_BLOCKS - 1, ("n", FINE, 14, 14)),
        ("coarse", COARSE_BLOCKS - 1, ("n", COARSE, 7, 7)),
    ):
        source = f"/backbone/body/body.{block}/Add_output_0_DequantizeLinear_Output"
        model.graph.node.append(helper.make_node("Identity", [source], [name]))
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    onnx.save(model, target)


def make(sources: Sources, trunk: Path, folder: Path, count: int, seed: int) -> None:
    """Writes `count` samples as maps and targets; a chunk of 512 that is there already is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    compiled = None
    for chunk in range(-(-count // 512)):
        file = folder / f"{chunk:04d}.npz"
        if file.exists():
            continue
        compiled = compiled or quality.compile_fixed(trunk)
        rs = np.random.RandomState(seed * 10_007 + chunk)
        parts: dict[str, list[np.ndarray]] = {"fine": [], "coarse": [], "boxes": [], "kinds": []}
        for _ in range(512 // BATCH):
            made = [sample(sources, rs) for _ in range(BATCH)]
            result = compiled([np.stack([m.pixels for m in made])])
            aimed = [targets(m) for m in made]
            for name, values in (
                ("fine", result["fine"].astype(np.float16)),
                ("coarse", result["coarse"].astype(np.float16)),
                ("boxes", np.stack([a for a, _ in aimed])),
                ("kinds", np.stack([b for _, b in aimed])),
            ):
                parts[name].append(values)
        partial = file.with_suffix(".part.npz")
        np.savez(partial, **{name: np.concatenate(values) for name, values in parts.items()})
        partial.rename(file)
        log.info("subject samples: chunk %d of %d", chunk + 1, -(-count // 512))


assert IMAGE_SIZE == 2 * MASK_SIDE
