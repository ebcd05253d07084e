"""The subject detector: class-agnostic boxes from one small grid over the bundle's own backbone.

Every cell of a 14x14 grid proposes one box around it and says how likely that box is a subject's (IoU above a half).
The trunk is the beginning of the picture network, cut before its last blocks; the head mixes both of its grids.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ocellus_training.mobilenet import MobileNetV2

FINE_BLOCKS, COARSE_BLOCKS = 13, 15  # of the backbone's body: the last 14x14 map, and a 7x7 map
FINE, COARSE = 96, 160
GRID = 14
WIDTH = 128
BLOCKS = 4
SCALE, ZERO = 4.0, -1.5  # of a raw distance's logit: a fresh network proposes boxes of a third of the side
CENTRE = 0.35  # cells this close to a subject's middle, in its own half sides, may propose it
LEAST_REACH = 0.6 / GRID


def unit(inputs: int, outputs: int, kernel: int = 1, groups: int = 1, relu: bool = True) -> nn.Sequential:
    """Convolution, normalisation (which the written file has folded in) and, maybe, ReLU6."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), *([nn.ReLU6()] if relu else []))


class Mix(nn.Module):
    """Residual 5x5 depthwise and 1x1 convolutions."""

    def __init__(self, width: int):
        super().__init__()
        self.spread = nn.Sequential(unit(width, width, 5, groups=width), unit(width, width, relu=False))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(x + self.spread(x))


class SubjectHead(nn.Module):
    """fine [n,96,14,14] and coarse [n,160,7,7] to boxes [n,196,4] in 0..1 and logits [n,196]."""

    def __init__(self, width: int = WIDTH, blocks: int = BLOCKS):
        super().__init__()
        self.fine = unit(FINE, width, relu=False)
        self.coarse = nn.Sequential(unit(COARSE, width), Mix(width), unit(width, width, relu=False))
        self.mix = nn.Sequential(*(Mix(width) for _ in range(blocks)))
        self.last = nn.Conv2d(width, 5, 1)
        nn.init.normal_(self.last.weight, std=0.01)
        with torch.no_grad():
            self.last.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 0.0, -3.0]))
        self.register_buffer("centres", centres())
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))  # slope and offset of the logit

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        enlarged = F.interpolate(self.coarse(coarse), scale_factor=2, mode="nearest")
        raw = self.last(self.mix(F.relu6(self.fine(fine) + enlarged))).flatten(2).transpose(1, 2)
        reach = torch.sigmoid(SCALE * raw[..., :4] + ZERO)
        low, high = self.centres - reach[..., :2], self.centres + reach[..., 2:]
        return torch.cat([low, high], 2).clamp(0, 1), raw[..., 4]


class SubjectDetector(nn.Module):
    """float [n,3,224,224], normalised as the picture network's, to boxes [n,196,4] and scores [n,196]."""

    def __init__(self, backbone: MobileNetV2, head: SubjectHead):
        super().__init__()
        self.stem = backbone.stem
        self.to_fine = backbone.body[:FINE_BLOCKS]
        self.to_coarse = backbone.body[FINE_BLOCKS:COARSE_BLOCKS]
        self.head = head

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.to_fine(self.stem(pixel_values))
        boxes, logits = self.head(fine, self.to_coarse(fine))
        return boxes, torch.sigmoid(self.head.calibration[0] * logits + self.head.calibration[1])


def centres() -> Tensor:
    """Middles of the cells [196, 2], x and y, row after row."""
    steps = (torch.arange(GRID) + 0.5) / GRID
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


def pair_iou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of boxes [..., 4] that broadcast."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - both
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    iou = both / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def loss(boxes: Tensor, logits: Tensor, subjects: Tensor, kinds: Tensor) -> Tensor:
    """`subjects` [n,k,4]; `kinds` [n,k]: 1 a subject, 0 maybe one (nothing is learnt there), -1 padding.

    A cell near a subject's middle is drawn to its box. A cell's score is drawn to the IoU its box has by now, read
    steeply about a half, so that scores rank by what is wanted of them.
    """
    middles = centres().to(boxes)
    centre, half = (subjects[..., :2] + subjects[..., 2:]) / 2, (subjects[..., 2:] - subjects[..., :2]) / 2
    away = (middles[None, :, None] - centre[:, None]).abs()
    reach = (half * CENTRE).clamp(min=LEAST_REACH)[:, None]
    near = (away <= reach).all(-1) & (kinds[:, None] == 1)
    size = (4 * half.prod(-1))[:, None].expand_as(near)
    smallest = torch.where(near, size, torch.full_like(size, 9.0)).min(-1)
    drawn = smallest.values < 9
    index = smallest.indices[..., None].expand(-1, -1, 4)
    target = subjects.gather(1, index)
    _, generalised = pair_iou(boxes[drawn], target[drawn])
    weight = 1 / near.sum(1).clamp(min=1).float()  # a small subject weighs as much as a large one
    weight = weight.gather(1, smallest.indices)[drawn]
    count = (kinds == 1).sum().clamp(min=1)
    away_loss = ((1 - generalised + 2 * (boxes[drawn] - target[drawn]).abs().sum(1)) * weight).sum() / count

    with torch.no_grad():
        iou, _ = pair_iou(boxes[:, :, None], subjects[:, None])
        sure = torch.where(kinds[:, None] == 1, iou, torch.zeros_like(iou)).max(-1).values
        maybe = torch.where(kinds[:, None] == 0, iou, torch.zeros_like(iou)).max(-1).values
        wanted = torch.sigmoid((sure - 0.55) * 12) * (sure > 0.2)
        ignored = (maybe > 0.3) & (sure < 0.5)
    chance = torch.sigmoid(logits)
    focal = (chance - wanted).abs() ** 1.5
    per_cell = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * focal
    score_loss = per_cell[~ignored].sum() / logits.shape[0] / 4
    return away_loss + score_loss


def best_boxes(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The box of the best score of each picture: [n, 4]."""
    return boxes[np.arange(len(boxes)), scores.argmax(1)]
