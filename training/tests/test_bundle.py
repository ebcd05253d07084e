"""The shipped bundle keeps its promises to the server."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ocellus_training import calibrate, export
from ocellus_training.quality import BundleRunner
from ocellus_training.settings import DIMENSION, TEXT_DIM
from ocellus_training.subject_pipeline import settings as subject_settings
from ocellus_training.towers import TEXT_LOOKS_SHARE


@pytest.fixture(scope="module")
def runner(bundle: Path) -> BundleRunner:
    return BundleRunner(bundle)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.RandomState(3).randint(0, 256, (8, 224, 224, 3)).astype(np.uint8)


def test_files_and_size(bundle: Path) -> None:
    found = {str(f.relative_to(bundle)) for f in bundle.rglob("*") if f.is_file()}
    assert found == {
        "README.md",
        "config.json",
        "preprocessor_config.json",
        "subjects.json",
        "tokenizer.json",
        "onnx/subject_model.onnx",
        "onnx/text_model.onnx",
        "onnx/vision_model.onnx",
    }
    assert export.bundle_bytes(bundle) <= export.MAX_BUNDLE_BYTES


def test_configuration(bundle: Path) -> None:
    config = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == "ocellus"
    assert config["dimension"] == DIMENSION and DIMENSION % 16 == 0
    share = config["vision"]["words_share"]
    assert config == export.configuration(config["version"], share, config["scores"])
    assert all(curve["slope"] > 0 for curve in config["scores"].values())
    preprocessor = json.loads((bundle / "preprocessor_config.json").read_text(encoding="utf-8"))
    assert preprocessor == export.preprocessing()
    subjects = json.loads((bundle / "subjects.json").read_text(encoding="utf-8"))
    assert subjects == subject_settings()


def test_picture_vectors(runner: BundleRunner, pictures: np.ndarray) -> None:
    together = runner.pictures(pictures, batch=8)
    alone = runner.pictures(pictures, batch=1)
    assert together.shape == (8, DIMENSION)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    assert np.abs(together - alone).max() < 1e-5
    share = runner.config["vision"]["words_share"]
    assert np.allclose((together[:, :TEXT_DIM] ** 2).sum(1), share, atol=1e-3)


def test_text_vectors(runner: BundleRunner, bundle: Path) -> None:
    names = ["dog", "A Dog", "a red car parked beside the road near a tree", "x " * 200]
    together = runner.texts(names, batch=4)
    alone = BundleRunner(bundle).texts(names, batch=1)
    assert together.shape == (4, DIMENSION)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    assert np.allclose((together[:, TEXT_DIM:] ** 2).sum(1), TEXT_LOOKS_SHARE, atol=1e-3)
    assert np.abs(together - alone).max() < 1e-4


def test_lower_case(runner: BundleRunner) -> None:
    upper, lower = runner.texts(["RED Car", "red car"])
    assert np.allclose(upper, lower)


def test_a_picture_with_itself_scores_nearly_one(runner: BundleRunner) -> None:
    curve = calibrate.Calibration(**runner.config["scores"]["picture"])
    assert curve.scores(np.ones(1))[0] == pytest.approx(calibrate.ITSELF, abs=1e-3)


def test_chinese(runner: BundleRunner) -> None:
    chinese, english = runner.texts(["狗", "红色的汽车"]), runner.texts(["dog", "red car"])
    scores = chinese @ english.T
    assert np.diag(scores).min() > 0.8
    assert max(scores[0, 1], scores[1, 0]) < 0.6
    traditional, simplified = runner.texts(["紅色的汽車", "红色的汽车"])
    assert np.allclose(traditional, simplified, atol=1e-5)
