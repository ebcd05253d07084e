"""The stages that make the bundle's subject model; finished ones are kept in the work folder and skipped."""

from __future__ import annotations

import functools
import io
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ocellus_training import card, narrow, split, subject_data, subject_quality, subject_samples, train_subjects
from ocellus_training.data import PixelCache, read_labels, stream_pictures
from ocellus_training.mobilenet import MobileNetV2
from ocellus_training.settings import SEED, Paths
from ocellus_training.split import Role
from ocellus_training.subject_samples import Sources
from ocellus_training.subject_teachers import Boxes, Teacher
from ocellus_training.subjects import SubjectHead

log = logging.getLogger(__name__)

# How many pictures of a source the teachers see, at most.
TAUGHT = {"coco": 230, "flickr": 92, "flickr8k": 385, "caltech": 538, "clothing": 231, "grocery": 62, "tiny": 462}
PLAIN_SOURCES = {"fashion": 1084, "caltech": 2825, "clothing": 1675}
SAMPLES, HELD_OUT_SAMPLES, EPOCHS = 10_240, 1024, 3.5
CALIBRATION = 48
MIN_SCORE, NMS_IOU = 0.1, 0.5


class SubjectPipeline:
    def __init__(self, paths: Paths):
        self.paths = paths
        self.work = paths.work / "subjects"
        self.work.mkdir(parents=True, exist_ok=True)
        self.pictures = read_labels(paths.photos)
        self.role = split.roles(self.pictures)
        self.source = np.array([p.source for p in self.pictures])
        self._small = PixelCache(paths.work / "pixels", self.pictures)
        self._large = np.cumsum(self.source != "tiny") - 1  # row of whole.npy

    def run(self, bundle: Path) -> None:
        """Trains, and adds the model, its settings and what it reaches to a bundle."""
        model = self.exported()
        shutil.copyfile(model, bundle / "onnx" / "subject_model.onnx")
        text = json.dumps(settings(), indent=2) + "\n"
        (bundle / "subjects.json").write_text(text, encoding="utf-8")
        readme = bundle / "README.md"
        table = subject_quality.table(subject_quality.measure(self.paths, bundle))
        readme.write_text(card.with_subjects(readme.read_text(encoding="utf-8"), table), encoding="utf-8")

    def load(self, row: int) -> Image.Image:
        if self.source[row] == "tiny":
            return self._small.image(row)
        return Image.fromarray(self._whole[self._large[row]])

    @functools.cached_property
    def _whole(self) -> np.ndarray:
        """Every larger picture squashed whole to a square: subjects at the ends of long pictures are subjects too."""
        file = self.work / "whole.npy"
        if not file.exists():
            partial = file.with_suffix(".part.npy")
            shape = (int((self.source != "tiny").sum()), *subject_data.SIZE, 3)
            array = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
            shards = {p.shard for p in self.pictures if p.source != "tiny"}
            wanted = [p for p in self.pictures if p.shard in shards]
            for picture, content in stream_pictures(self.paths.photos, wanted):
                if picture.source != "tiny":
                    image = Image.open(io.BytesIO(content)).convert("RGB")
                    squashed = image.resize(subject_data.SIZE, Image.Resampling.BICUBIC)
                    array[self._large[picture.index]] = np.asarray(squashed)
            array.flush()
            partial.rename(file)
        return np.load(file, mmap_mode="r")

    def _some(self, counts: dict[str, int]) -> np.ndarray:
        """Rows of training and validation pictures, at most so many of each source, mixed."""
        rs = np.random.RandomState(SEED)
        usable = np.isin(self.role, (Role.TRAIN, Role.VALIDATION))
        chosen = [rs.permutation(np.flatnonzero(usable & (self.source == s)))[:n] for s, n in counts.items()]
        return rs.permutation(np.concatenate(chosen))

    @functools.cached_property
    def masks(self) -> dict[int, np.ndarray]:
        file = self.work / "masks.npz"
        if not file.exists():
            found = {}
            for row in self._some(PLAIN_SOURCES):
                mask = subject_data.item_mask(np.asarray(self.load(row)))
                if mask is not None:
                    found[int(row)] = np.packbits(mask)
            np.savez(file, rows=np.array(list(found)), bits=np.stack(list(found.values())))
        stored = np.load(file)
        return dict(zip(stored["rows"].tolist(), stored["bits"]))

    @functools.cached_property
    def taught(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """What the teachers' networks say: subjects and maybes by row."""
        file = self.work / "taught.pt"
        if not file.exists():
            models = self.paths.shared / "models"
            teachers = [Teacher(models / name) for name in ("yolox_nano_coco.param", "nanodet_m_416.param")]
            found: dict[int, list[Boxes]] = {
                int(row): [teacher.boxes(self.load(row)) for teacher in teachers] for row in self._some(TAUGHT)
            }
            torch.save({row: [(b.corners, b.scores) for b in boxes] for row, boxes in found.items()}, file)
        raw = torch.load(file, weights_only=False)  # our own file of arrays
        lessons = {
            row: subject_samples.lessons(self.pictures[row], [Boxes(*b) for b in boxes]) for row, boxes in raw.items()
        }
        return {row: lesson for row, lesson in lessons.items() if lesson is not None}

    def sources(self, role: Role) -> Sources:
        mine = self.role == role
        items = np.array([row for row in self.masks if mine[row]])
        of_one_thing = np.flatnonzero(mine & np.isin(self.source, ("caltech", "clothing", "grocery")))
        return Sources(
            self.pictures,
            self.load,
            items,
            np.concatenate([of_one_thing, items]),
            np.flatnonzero(mine & np.isin(self.source, subject_samples.SCENES)),
            self.masks,
            {row: lesson for row, lesson in self.taught.items() if mine[row]},
        )

    def head(self) -> SubjectHead:
        head, file = SubjectHead().eval(), self.work / "head.pt"
        if not file.exists():
            trunk = self.work / "trunk.onnx"
            subject_samples.trunk_model(self.paths.work / "features" / "features.onnx", trunk)
            folders = self.work / "samples", self.work / "validation"
            subject_samples.make(self.sources(Role.TRAIN), trunk, folders[0], SAMPLES, 1)
            subject_samples.make(self.sources(Role.VALIDATION), trunk, folders[1], HELD_OUT_SAMPLES, 2)
            held_out = train_subjects.load_samples(folders[1])
            trained = train_subjects.train_head(train_subjects.load_samples(folders[0]), EPOCHS, held_out)
            log.info("subject scores: slope %.3f, offset %.3f", *train_subjects.calibrate(trained, held_out))
            torch.save(trained.state_dict(), file)
        head.load_state_dict(torch.load(file))
        return head

    def exported(self) -> Path:
        target = self.work / "subject_model.onnx"
        backbone = MobileNetV2(narrow.WIDTHS)
        backbone.load_state_dict(torch.load(self.paths.work / "vision_narrowed.pt"))
        sources, rs = self.sources(Role.TRAIN), np.random.RandomState(SEED)
        pictures = (
            train_subjects.as_input(subject_samples.sample(sources, rs).pixels[None]) for _ in range(CALIBRATION)
        )
        train_subjects.write(backbone.eval(), self.head(), target, pictures)
        return target


def settings() -> dict[str, object]:
    """The bundle's subjects.json, for the server."""
    return {
        "model": "onnx/subject_model.onnx",
        "input": "pixel_values",
        "boxes": "boxes",
        "scores": "scores",
        "side": subject_data.SIZE[0],
        "min_score": MIN_SCORE,
        "nms_iou": NMS_IOU,
    }
