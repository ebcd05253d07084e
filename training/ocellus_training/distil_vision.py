"""Fine-tunes a picture backbone through every layer against another one.

The student computes with 8-bit weights and, half of the time, sees a damaged copy of what the teacher sees: it
learns to give the teacher's answer for small, blurred or hard-compressed pictures as well.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ocellus_training import mobilenet, views
from ocellus_training.data import PixelCache
from ocellus_training.mobilenet import MobileNetV2
from ocellus_training.rounding import round_weights, unround_weights
from ocellus_training.settings import seed_everything

log = logging.getLogger(__name__)

BATCH = 12
TEMPERATURE = 2.0


@dataclass(frozen=True)
class Lesson:
    """`rate` is of each tensor's own size: layers whose weights differ a hundredfold all move by a few per cent."""

    seed: int
    steps: int = 220
    rate: float = 3e-4


def to_input(images: Sequence[Image.Image]) -> Tensor:
    stacked = torch.as_tensor(np.stack([np.asarray(i) for i in images]))
    return mobilenet.normalise_pixels(stacked).contiguous(memory_format=torch.channels_last)


def distance(student: MobileNetV2, x: Tensor, teacher: MobileNetV2, y: Tensor) -> Tensor:
    with torch.no_grad():
        target_pooled, target_grid = teacher(y)
        target_logits = teacher.logits(target_pooled)
    pooled, grid = student(x)
    logits = student.logits(pooled)
    cosine = (1.0 - F.cosine_similarity(pooled, target_pooled)).mean()
    scale = target_pooled.square().mean().sqrt()
    size = ((pooled - target_pooled) / scale).square().mean()
    layout = (grid - target_grid).square().mean() / target_grid.square().mean()
    classes = F.kl_div(
        (logits / TEMPERATURE).log_softmax(-1), (target_logits / TEMPERATURE).softmax(-1), reduction="batchmean"
    )
    return 4.0 * cosine + size + layout + classes


def distil(teacher_file: Path, pixels: PixelCache, pictures: np.ndarray) -> MobileNetV2:
    teacher = mobilenet.load_teacher(teacher_file).to(memory_format=torch.channels_last)
    student = mobilenet.load_teacher(teacher_file).to(memory_format=torch.channels_last)
    teach(student, teacher, pixels, pictures, Lesson(seed=2))
    return student


def teach(student: MobileNetV2, teacher: MobileNetV2, pixels: PixelCache, pictures: np.ndarray, lesson: Lesson) -> None:
    """The student ends with the weights of 8 bits that it computed with."""
    rs = seed_everything(lesson.seed)
    steps = lesson.steps
    student.train()
    round_weights(student)
    groups = [
        {"params": [p], "lr": lesson.rate * p.detach().square().mean().sqrt().item()} for p in student.parameters()
    ]
    optimiser = torch.optim.Adam(groups)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [g["lr"] for g in groups], total_steps=steps, pct_start=0.1
    )
    started = time.monotonic()
    for step in range(steps):
        chosen = pictures[rs.randint(len(pictures), size=BATCH)]
        clean = [views.training_view(pixels.image(int(i)), rs) for i in chosen]
        seen = [views.degrade(v, rs) if n % 2 else v for n, v in enumerate(clean)]
        loss = distance(student, to_input(seen), teacher, to_input(clean))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 20 == 0 or step == steps - 1:
            log.info("vision %d/%d loss %.4f %.0f s", step, steps, loss.item(), time.monotonic() - started)
    unround_weights(student)
    student.eval()


@torch.no_grad()
def agreement(
    student: MobileNetV2, teacher: MobileNetV2, pixels: PixelCache, pictures: np.ndarray, *, damaged: bool
) -> dict[str, float]:
    """How far the student is the teacher on pictures it never saw: cosine of pooled features, same first class."""
    rs = np.random.RandomState(0)
    cosines, same = [], []
    for start in range(0, len(pictures), BATCH):
        clean = [Image.fromarray(pixels.pixels(int(i))) for i in pictures[start : start + BATCH]]
        seen = [views.degrade(v, rs) for v in clean] if damaged else clean
        target, _ = teacher(to_input(clean))
        pooled, _ = student(to_input(seen))
        cosines.append(F.cosine_similarity(pooled, target))
        same.append(student.logits(pooled).argmax(-1) == teacher.logits(target).argmax(-1))
    return {"cosine": torch.cat(cosines).mean().item(), "top1": torch.cat(same).float().mean().item()}


@torch.no_grad()
def accuracy(model: MobileNetV2, pixels: PixelCache, pictures: np.ndarray, truth: np.ndarray) -> float:
    """Share of pictures whose first class of the 1,000 is the right one."""
    right = []
    for start in range(0, len(pictures), BATCH):
        images = [Image.fromarray(pixels.pixels(int(i))) for i in pictures[start : start + BATCH]]
        pooled, _ = model(to_input(images))
        right.append(model.logits(pooled).argmax(-1).numpy(force=True) == truth[start : start + BATCH])
    return float(np.concatenate(right).mean())
