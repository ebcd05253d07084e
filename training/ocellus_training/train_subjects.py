"""Training the subject detector's head on the trunk's maps, calibrating its scores, and writing the file."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor
from torch.nn import functional as F

from ocellus_training import export, quantise, subjects
from ocellus_training.mobilenet import MobileNetV2
from ocellus_training.settings import IMAGE_SIZE, seed_everything
from ocellus_training.subjects import SubjectDetector, SubjectHead

log = logging.getLogger(__name__)

BATCH = 64
RATE = 2e-3
DECAY = 0.02
RELEVANT = 0.02  # proposals with a lower score are left out of the calibration


def load_samples(folder: Path) -> dict[str, Tensor]:
    chunks = [np.load(file) for file in sorted(folder.glob("[0-9][0-9][0-9][0-9].npz"))]
    names = ("fine", "coarse", "boxes", "kinds")
    return {name: torch.from_numpy(np.concatenate([c[name] for c in chunks])) for name in names}


def _maps(samples: dict[str, Tensor], rows: Tensor | slice) -> tuple[Tensor, ...]:
    layout = torch.channels_last
    return tuple(samples[name][rows].float().contiguous(memory_format=layout) for name in ("fine", "coarse"))


def train_head(
    samples: dict[str, Tensor],
    epochs: float,
    held_out: dict[str, Tensor] | None = None,
    start: SubjectHead | None = None,
    rate: float = RATE,
) -> SubjectHead:
    """Trains a head, or trains `start` on, by `epochs` of the samples."""
    seed_everything(71)
    # For depthwise layers this layout is much the faster.
    head = (start or SubjectHead()).train().to(memory_format=torch.channels_last)
    count = len(samples["boxes"])
    steps = int(epochs * count / BATCH)
    optimizer = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.05)
    order = torch.zeros(0, dtype=torch.int64)
    started = time.monotonic()
    total = 0.0
    for step in range(steps):
        if len(order) < BATCH:
            order = torch.randperm(count)
        rows, order = order[:BATCH], order[BATCH:]
        boxes, logits = head(*_maps(samples, rows))
        value = subjects.loss(boxes, logits, samples["boxes"][rows], samples["kinds"][rows])
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        total += float(value.detach())
        if step % 50 == 49:
            elapsed = time.monotonic() - started
            log.info("subject head: step %d of %d, loss %.3f, %.0f s", step + 1, steps, total / 50, elapsed)
            total = 0.0
            if held_out is not None and step % 200 == 199:
                log.info("subject head: %.3f of held-out samples", hits(head.eval(), held_out))
                head.train()
    return head.eval()


@torch.no_grad()
def proposals(head: SubjectHead, samples: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Boxes and logits of all samples, in evaluation mode."""
    found = [head(*_maps(samples, slice(s, s + 128))) for s in range(0, len(samples["boxes"]), 128)]
    return torch.cat([b for b, _ in found]), torch.cat([x for _, x in found])


def hits(head: SubjectHead, samples: dict[str, Tensor]) -> float:
    """Share of samples whose best box has an IoU above a half with a subject."""
    boxes, logits = proposals(head, samples)
    best = boxes[torch.arange(len(boxes)), logits.argmax(1)]
    iou, _ = subjects.pair_iou(best[:, None], samples["boxes"])
    return float(((iou > 0.5) & (samples["kinds"] == 1)).any(1).float().mean())


def calibrate(head: SubjectHead, samples: dict[str, Tensor]) -> tuple[float, float]:
    """Fits slope and offset so that a score is the chance of an IoU above a half; sets and returns them."""
    boxes, logits = proposals(head, samples)
    iou, _ = subjects.pair_iou(boxes[:, :, None], samples["boxes"][:, None])
    kinds = samples["kinds"][:, None]
    right = ((iou > 0.5) & (kinds == 1)).any(-1)
    known = right | ~((iou > 0.3) & (kinds == 0)).any(-1)
    chosen = known & (torch.sigmoid(logits) > RELEVANT)
    x, y = logits[chosen].double(), right[chosen].double()
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=100)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = F.binary_cross_entropy_with_logits(line[0] * x + line[1], y)
        value.backward()
        return value

    optimizer.step(closure)
    slope, offset = (float(v) for v in line.detach())
    head.calibration.copy_(torch.tensor([slope, offset]))
    return slope, offset


def write(backbone: MobileNetV2, head: SubjectHead, target: Path, calibration: Iterable[np.ndarray]) -> None:
    """The 8-bit file. `calibration`: float pictures [1,3,224,224] as the model takes them."""
    source = target.with_name(target.stem + "_float.onnx")
    torch.onnx.export(
        SubjectDetector(backbone, head).eval(),
        (torch.zeros(2, 3, IMAGE_SIZE, IMAGE_SIZE),),
        str(source),
        input_names=["pixel_values"],
        output_names=["boxes", "scores"],
        dynamic_axes={name: {0: "n"} for name in ("pixel_values", "boxes", "scores")},
        opset_version=export.OPSET,
        dynamo=False,
    )
    quantise.simplify(source)
    quantise.quantise_convolutions(source, target, calibration)
    model = onnx.load(target)
    quantise.slim(model)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def as_input(pixels: np.ndarray) -> np.ndarray:
    """uint8 [n,224,224,3] as the model takes it: float [n,3,224,224] in -1..1."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / 127.5 - 1.0
