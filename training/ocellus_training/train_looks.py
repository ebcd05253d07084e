"""The part of the vector that only compares pictures.

Starts from half-whitened principal components; supervised contrast moves it, held by how alike pictures were then. Beside it
a picture learns to be nearest to its own copies, grey and shrunk ones, among others.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ocellus_training.data import CLASS_SOURCES
from ocellus_training.features import Features
from ocellus_training.mobilenet import POOLED
from ocellus_training.settings import VISUAL_DIM, seed_everything
from ocellus_training.towers import GRID, LooksHead

log = logging.getLogger(__name__)

STEPS = 600
CLASSES, EACH = 64, 4
RATE = 0.02  # of the spread of the starting weights
RATE_OF_HIDDEN = 1e-3
VARIED = 0.4  # share of pictures that are shown as another view
TAU = 0.1
DRIFT_WEIGHT = 10.0
SOURCE_SHARES = {"tiny": 0.15, "caltech": 0.35, "clothing": 0.25, "grocery": 0.25}
COPIES = 256  # pictures of a step that are to find their own copy
COPY_WEIGHT = 1.5
COPY_TAU = 0.05
VARIED_COPIES, COPIED = 0.3, 0.85  # shares of random views and, of all, of copies
GREY_FIRST = 0.4  # of the copies; the others are grey or shrunk alike
SAMPLE = 8000  # pictures the principal components are taken from


def principal(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Weights [256,n] and bias of the half-whitened components of the head's inputs."""
    mean = inputs.mean(0)
    _, spread, axes = torch.linalg.svd(inputs - mean, full_matrices=False)
    deviation = spread[:VISUAL_DIM] / len(inputs) ** 0.5
    weight = axes[:VISUAL_DIM] / deviation[:, None].sqrt()
    weight = weight / ((inputs[:500] - mean) @ weight.T).norm(dim=1).mean()
    return weight, -(weight @ mean)


@dataclass(frozen=True)
class LooksData:
    features: Features
    copies: Features  # of pictures without their colours, then shrunk
    sources: np.ndarray
    labels: np.ndarray

    def plain(self, rows: np.ndarray) -> Tensor:
        return _inputs(self.features.of(rows))

    def varied(self, rows: np.ndarray, rs: np.random.RandomState, varied: float, share: float = 0.0) -> Tensor:
        """Of each a random view with the chance `varied`, else the picture itself; then with `share` one of its copies."""
        drawn = self.features.draw(rows, rs, 0.0)
        drawn = np.where(rs.rand(len(rows)) < varied, drawn, self.features.plain[rows])
        values = self.features.values[drawn]
        copied = (rs.rand(len(rows)) < share) & (self.copies.plain[rows] >= 0)
        values[copied] = self.copies.values[self.copies.draw(rows[copied], rs, GREY_FIRST)]
        return _inputs(values.astype(np.float32))


def _inputs(features: np.ndarray) -> Tensor:
    both = torch.as_tensor(features)
    return LooksHead.inputs(both[:, :POOLED], both[:, POOLED + GRID :])


def train(head: LooksHead, data: LooksData, rows: np.ndarray) -> None:
    sources, labels = data.sources, data.labels
    rs = seed_everything(12)
    known = rows[np.isin(sources[rows], CLASS_SOURCES)]
    others = rows[~np.isin(sources[rows], CLASS_SOURCES)]
    larger = rows[sources[rows] != "tiny"]
    sample = np.concatenate([rs.permutation(known)[: SAMPLE * 3 // 4], rs.permutation(others)[: SAMPLE // 4]])
    inputs = data.plain(sample)
    weight, bias = principal(inputs)
    with torch.no_grad():
        head.linear.weight.copy_(weight)
        head.linear.bias.copy_(bias)
        head.mean.copy_(inputs.mean(0))
        head.spread.copy_(1.0 / inputs.std())
    shares = {s: share for s, share in SOURCE_SHARES.items() if (sources[known] == s).any()}
    members: dict[str, list[np.ndarray]] = {}
    for source in shares:
        of_source = known[sources[known] == source]
        members[source] = [of_source[labels[of_source] == c] for c in np.unique(labels[of_source])]
    optimiser = torch.optim.Adam(
        [
            {"params": head.linear.parameters(), "lr": RATE * weight.std().item()},
            {"params": [*head.expand.parameters(), *head.contract.parameters()], "lr": RATE_OF_HIDDEN},
        ]
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, STEPS)
    names, weights = list(shares), np.array(list(shares.values()))
    head.train()
    for step in range(STEPS):
        groups = members[names[rs.choice(len(names), p=weights / weights.sum())]]
        chosen = rs.permutation(len(groups))[:CLASSES]
        each = max(EACH, CLASSES * EACH // len(chosen))
        batch = np.concatenate([rs.choice(groups[g], each) for g in chosen])
        codes = torch.arange(len(chosen)).repeat_interleave(each)
        inputs = data.varied(batch, rs, VARIED)
        vectors = head.of_inputs(inputs)
        start = F.normalize(inputs @ weight.T + bias, dim=-1)
        similarity = vectors @ vectors.T
        itself = torch.eye(len(batch), dtype=torch.bool)
        logs = (similarity / TAU).masked_fill(itself, -1e9).log_softmax(1)
        alike = (codes[:, None] == codes) & ~itself
        contrast = -(logs * alike).sum(1) / alike.sum(1).clamp(min=1)
        loss = contrast.mean() + DRIFT_WEIGHT * (similarity - start @ start.T).square().mean()
        own = rs.choice(larger, COPIES, replace=False)
        copies = head.of_inputs(data.varied(own, rs, VARIED_COPIES, COPIED))
        found = copies @ head.of_inputs(data.plain(own)).T / COPY_TAU
        itself = torch.arange(COPIES)
        loss = loss + COPY_WEIGHT * 0.5 * (F.cross_entropy(found, itself) + F.cross_entropy(found.T, itself))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 150 == 0 or step == STEPS - 1:
            log.info("looks %d/%d loss %.3f", step, STEPS, loss.item())
    head.eval()
