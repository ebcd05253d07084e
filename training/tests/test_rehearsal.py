"""`make train` from nothing, with few pictures and few steps: every stage runs, and what comes out is a bundle."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ocellus_training import (
    distil_text,
    distil_vision,
    export,
    extend_text,
    pipeline,
    text_looks,
    train_looks,
)
from ocellus_training.data import read_labels, stream_pictures
from ocellus_training.quality import BundleRunner
from ocellus_training.settings import DIMENSION, Paths
from ocellus_training.split import fraction
from ocellus_training.train_words import Member, Recipe, Student

STEPS = 2
# Of the classes, whole ones, and of the captioned pictures: each measure of the card has something to measure.
CLASSES = {"tiny": 0.02, "caltech": 0.06, "clothing": 0.15, "grocery": 0.25}
PICTURES = {"coco": 0.35, "flickr": 0.03, "flickr8k": 0.03, "fashion": 0.03}


def few_pictures(photos: Path, target: Path) -> None:
    """A folder as `photos` is, with a share of each source."""
    target.mkdir(parents=True)
    shards: dict[int, tarfile.TarFile] = {}
    with ExitStack() as files, open(target / "labels.jsonl", "w", encoding="utf-8") as labels:
        for picture, content in stream_pictures(photos, read_labels(photos)):
            group = f"{picture.source}/{picture.cls}" if picture.source in CLASSES else picture.index
            if fraction(f"rehearsal:{group}") >= (CLASSES | PICTURES)[picture.source]:
                continue
            if picture.shard not in shards:
                name = target / f"train-{picture.shard:02d}.tar"
                shards[picture.shard] = files.enter_context(tarfile.open(name, "w"))
            member = tarfile.TarInfo(picture.file)
            member.size = len(content)
            shards[picture.shard].addfile(member, io.BytesIO(content))
            row = {"shard": picture.shard, "file": picture.file, "source": picture.source, "texts": picture.texts}
            labels.write(json.dumps(row | ({} if picture.cls is None else {"cls": picture.cls})) + "\n")


def short(member: Member) -> Member:
    return replace(member, steps=STEPS, class_batch=32, caption_batch=32)


def test_every_stage_runs(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (paths.minilm / "model.safetensors").exists():
        pytest.skip(f"no MiniLM at {paths.minilm} (make setup brings it)")
    shared = tmp_path / "shared"
    few_pictures(paths.photos, shared / "data" / "photos")
    (shared / "data" / "clip-text").symlink_to(paths.clip_text)
    (shared / "models").symlink_to(paths.mobilenet.parent)

    teach = distil_vision.teach
    monkeypatch.setattr(distil_vision, "teach", lambda *given: teach(*given[:-1], replace(given[-1], steps=STEPS)))
    monkeypatch.setattr(distil_text, "distil", partial(distil_text.distil, steps=STEPS))
    monkeypatch.setattr(extend_text, "train", partial(extend_text.train, steps=STEPS))
    for module in (train_looks, text_looks):
        monkeypatch.setattr(module, "STEPS", STEPS)
    monkeypatch.setattr(train_looks, "COPIES", 32)
    groups = pipeline.Pipeline.groups
    monkeypatch.setattr(pipeline.Pipeline, "groups", lambda run: [replace(g, views=1) for g in groups(run)])
    recipe = Recipe()
    recipe = replace(
        recipe,
        members=tuple(map(short, recipe.members[:2])),
        tuning=short(recipe.tuning),
        student=replace(Student(), steps=STEPS, class_batch=32, caption_batch=32),
    )

    run = pipeline.Pipeline(Paths(shared, tmp_path / "work", paths.minilm))
    run.decode()
    run.bundle(tmp_path / "bundle", recipe)

    runner = BundleRunner(tmp_path / "bundle")
    vectors = [runner.texts(["a dog"]), runner.pictures([np.zeros((224, 224, 3), np.uint8)])]
    for vector in vectors:
        assert vector.shape == (1, DIMENSION)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)
    card = (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")
    assert pipeline.VERSION in card and "Not measured yet" not in card
    assert "come from one run of `make train`, begun with nothing" in card
    assert export.bundle_bytes(tmp_path / "bundle") <= export.MAX_BUNDLE_BYTES

    first = {f: f.stat().st_mtime_ns for f in (tmp_path / "work").glob("*.pt")}
    assert len(first) == 8, sorted(f.name for f in first)
    again = pipeline.Pipeline(Paths(shared, tmp_path / "work", paths.minilm))
    again.bundle(tmp_path / "bundle", recipe)
    assert first == {f: f.stat().st_mtime_ns for f in first}, "finished stages are kept"
