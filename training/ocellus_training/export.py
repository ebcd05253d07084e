"""Writing the bundle: a folder as model hubs lay it out."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from ocellus_training import byte_input, linear, quantise, zero_points
from ocellus_training.settings import DIMENSION, IMAGE_SIZE, MAX_ASPECT, MAX_TOKENS
from ocellus_training.towers import TextTower

OPSET = 17
LENGTH_MULTIPLE = 8
MAX_BUNDLE_BYTES = 30_000_000


def export_pictures_to(model: nn.Module, target: Path, output: str = "embedding") -> None:
    """Float ONNX of a network that takes uint8 pictures."""
    torch.onnx.export(
        model.eval(),
        (torch.zeros(1, IMAGE_SIZE, IMAGE_SIZE, 3, dtype=torch.uint8),),
        str(target),
        input_names=["pixel_values"],
        output_names=[output],
        dynamic_axes={"pixel_values": {0: "n"}, output: {0: "n"}},
        opset_version=OPSET,
        dynamo=False,
    )
    quantise.simplify(target)


def export_text(tower: TextTower, target: Path) -> None:
    """Float ONNX of the text tower."""
    ids = torch.zeros(2, LENGTH_MULTIPLE, dtype=torch.int64)
    axes = {0: "n", 1: "length"}
    torch.onnx.export(
        tower.eval(),
        (ids, torch.ones_like(ids)),
        str(target),
        input_names=["input_ids", "attention_mask"],
        output_names=["embedding"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "n"}},
        opset_version=OPSET,
        dynamo=False,
    )
    quantise.simplify(target)


def quantise_vision(source: Path, target: Path, calibration: Iterable[np.ndarray]) -> None:
    """`calibration`: pictures, uint8 [1, 224, 224, 3]."""
    quantise.quantise_convolutions(source, target, calibration)
    model = onnx.load(target)
    quantise.quantise_weights(model)
    quantise.pad_inner(model)
    byte_input.read_bytes(model)
    quantise.slim(model)  # biases become floats
    zero_points.keep_terms(model)
    zero_points.shift(model)
    _save(model, target)


def quantise_text(source: Path, target: Path, calibration: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
    """`calibration`: ids and mask of texts, int64 [n, length], best without padding, which has ranges of its own.

    The map at the end, nearly the identity, stays in 16 bits: eight would cost half of all that rounding costs.
    """
    model = onnx.load(source)
    feeds = ({"input_ids": ids, "attention_mask": mask} for ids, mask in calibration)
    linear.quantise_linears(model, feeds, ("/text_map/",))
    quantise.quantise_rows(model)
    quantise.halve_large(model)
    _save(model, target)


def _save(model: onnx.ModelProto, target: Path) -> None:
    quantise.slim(model)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def configuration(version: str, words_share: float, scores: dict[str, dict[str, float]]) -> dict[str, Any]:
    """`scores`: slope and offset of calibrated scores (calibrate.py), for `picture` and for `text` queries."""
    return {
        "model_type": "ocellus",
        "name": "ocellus-default",
        "version": version,
        "dimension": DIMENSION,
        "distance": "cosine",
        "vision": {"input": "pixel_values", "output": "embedding", "words_share": words_share},
        "text": {
            "inputs": ["input_ids", "attention_mask"],
            "output": "embedding",
            "max_tokens": MAX_TOKENS,
            "pad_to_multiple_of": LENGTH_MULTIPLE,
            "lower_case": True,
        },
        "scores": scores,
    }


def preprocessing() -> dict[str, Any]:
    """Keys as Hugging Face image processors write them, and three of our own."""
    return {
        "image_processor_type": "OcellusImageProcessor",
        "do_convert_rgb": True,
        "do_center_crop": True,
        "crop_rule": "centre",
        "crop_max_aspect_ratio": MAX_ASPECT,
        "do_resize": True,
        "size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "rescale_and_normalize_in_graph": True,
        "input_data_format": "channels_last",
        "input_dtype": "uint8",
    }


def write_bundle(
    bundle: Path,
    *,
    vision: Path,
    text: Path,
    tokenizer: Path,
    card: str,
    configuration: dict[str, Any],
) -> None:
    """Assembles the bundle beside its place and swaps it in, so that a reader never meets half of one."""
    bundle.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".bundle-", dir=bundle.parent))
    fresh.chmod(0o755)
    (fresh / "onnx").mkdir()
    shutil.copyfile(vision, fresh / "onnx" / "vision_model.onnx")
    shutil.copyfile(text, fresh / "onnx" / "text_model.onnx")
    shutil.copyfile(tokenizer, fresh / "tokenizer.json")
    for name, content in (
        ("config.json", configuration),
        ("preprocessor_config.json", preprocessing()),
    ):
        (fresh / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (fresh / "README.md").write_text(card, encoding="utf-8")
    size = bundle_bytes(fresh)
    if size > MAX_BUNDLE_BYTES:
        shutil.rmtree(fresh)
        raise ValueError(f"bundle has {size} bytes, more than {MAX_BUNDLE_BYTES}")
    old = bundle.with_name("." + bundle.name + ".old")
    if bundle.exists():
        bundle.rename(old)
    fresh.rename(bundle)
    shutil.rmtree(old, ignore_errors=True)


def bundle_bytes(bundle: Path) -> int:
    return sum(f.stat().st_size for f in bundle.rglob("*") if f.is_file())
