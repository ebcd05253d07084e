"""The part of the vector that only compares pictures: half-whitened principal components, then supervised contrast."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ocellus_training.data import CLASS_SOURCES
from ocellus_training.settings import VISUAL_DIM, seed_everything
from ocellus_training.towers import LooksHead

log = logging.getLogger(__name__)

STEPS = 600
CLASSES, EACH = 64, 4
RATE = 0.02  # of the spread of the starting weights
TAU = 0.1
DRIFT_WEIGHT = 10.0
SOURCE_SHARES = {"tiny": 0.35, "caltech": 0.25, "clothing": 0.2, "grocery": 0.2}
SAMPLE = 8000  # pictures the principal components are taken from


def principal(pooled: Tensor) -> tuple[Tensor, Tensor]:
    """Weights [256,1280] and bias of the half-whitened components of square-root features."""
    roots = LooksHead.roots(pooled)
    mean = roots.mean(0)
    _, spread, axes = torch.linalg.svd(roots - mean, full_matrices=False)
    deviation = spread[:VISUAL_DIM] / len(roots) ** 0.5
    weight = axes[:VISUAL_DIM] / deviation[:, None].sqrt()
    weight = weight / ((roots[:500] - mean) @ weight.T).norm(dim=1).mean()
    return weight, -(weight @ mean)


@dataclass(frozen=True)
class LooksData:
    plain: np.ndarray  # pooled features of the pictures
    varied: np.ndarray  # of a random view of each
    has_varied: np.ndarray
    sources: np.ndarray
    labels: np.ndarray


def train(head: LooksHead, data: LooksData, rows: np.ndarray) -> None:
    plain, sources, labels = data.plain, data.sources, data.labels
    rs = seed_everything(12)
    known = rows[np.isin(sources[rows], CLASS_SOURCES)]
    others = rows[~np.isin(sources[rows], CLASS_SOURCES)]
    sample = np.concatenate([rs.permutation(known)[: SAMPLE * 3 // 4], rs.permutation(others)[: SAMPLE // 4]])
    weight, bias = principal(torch.from_numpy(plain[sample].astype(np.float32)))
    with torch.no_grad():
        head.linear.weight.copy_(weight)
        head.linear.bias.copy_(bias)
    members: dict[str, list[np.ndarray]] = {}
    for source in SOURCE_SHARES:
        of_source = known[sources[known] == source]
        members[source] = [of_source[labels[of_source] == c] for c in np.unique(labels[of_source])]
    optimiser = torch.optim.Adam(head.parameters(), lr=RATE * weight.std().item())
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, STEPS)
    names, shares = list(SOURCE_SHARES), list(SOURCE_SHARES.values())
    for step in range(STEPS):
        groups = members[names[rs.choice(len(names), p=shares)]]
        chosen = rs.permutation(len(groups))[:CLASSES]
        each = max(EACH, CLASSES * EACH // len(chosen))
        batch = np.concatenate([rs.choice(groups[g], each) for g in chosen])
        codes = torch.arange(len(chosen)).repeat_interleave(each)
        features = plain[batch].astype(np.float32)
        swap = (rs.rand(len(batch)) < 0.4) & data.has_varied[batch]
        features[swap] = data.varied[batch[swap]]
        pooled = torch.from_numpy(features)
        vectors = head(pooled)
        start = F.normalize(LooksHead.roots(pooled) @ weight.T + bias, dim=-1)
        similarity = vectors @ vectors.T
        itself = torch.eye(len(batch), dtype=torch.bool)
        logs = (similarity / TAU).masked_fill(itself, -1e9).log_softmax(1)
        alike = (codes[:, None] == codes) & ~itself
        contrast = -(logs * alike).sum(1) / alike.sum(1).clamp(min=1)
        loss = contrast.mean() + DRIFT_WEIGHT * (similarity - start @ start.T).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 150 == 0 or step == STEPS - 1:
            log.info("looks %d/%d loss %.3f", step, STEPS, loss.item())
