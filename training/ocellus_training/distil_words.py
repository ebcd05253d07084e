"""One head that says what several say together.

Heads differ by what they saw by accident; their mean is better than each, and larger than a bundle has room for. The student learns the mean of
their outputs for every view of every training picture, drawn half-way to the mean over all views of that picture, and keeps the
scores of captions and names that this gives.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ocellus_training.features import Features
from ocellus_training.mobilenet import POOLED
from ocellus_training.settings import TEXT_DIM, seed_everything
from ocellus_training.towers import TextMap, WordsHead
from ocellus_training.train_words import (
    Batches,
    Recipe,
    WordsData,
    caption_loss,
    cosine_schedule,
    soft_targets,
    told_of,
)

log = logging.getLogger(__name__)

OWN = 0.5  # share of a view's own vector in its target; the rest is the mean over the picture's views
TAU = 0.05
COSINE_WEIGHT = 10.0
TOLD_WEIGHT, CALLED_WEIGHT, KEPT_WEIGHT = 0.9, 0.6, 0.4  # of a picture's captions, name and ImageNet classes themselves
CHUNK = 4096


@torch.no_grad()
def targets(members: Sequence[WordsHead], features: Features) -> Tensor:
    """float16 [views, 384], normalised: what the student is to say of each row of `features.values`."""
    vectors = torch.zeros(len(features.values), TEXT_DIM)
    for start in range(0, len(vectors), CHUNK):
        x = torch.as_tensor(features.values[start : start + CHUNK].astype(np.float32))
        logits = members[0].classifier(x[:, :POOLED])
        said = torch.stack([m.raw(logits, x[:, :POOLED], x[:, POOLED:]) for m in members])
        vectors[start : start + CHUNK] = F.normalize(said.mean(0), dim=-1)
    picture, view = np.nonzero(features.table >= 0)
    rows = torch.as_tensor(features.table[picture, view])
    means = torch.zeros(len(features.table), TEXT_DIM).index_add_(0, torch.as_tensor(picture), vectors[rows])
    vectors[rows] = OWN * vectors[rows] + (1 - OWN) * F.normalize(means, dim=-1)[torch.as_tensor(picture)]
    return F.normalize(vectors, dim=-1).half()


def distil(
    student: WordsHead, members: Sequence[WordsHead], text_map: TextMap, data: WordsData, recipe: Recipe
) -> None:
    """`text_map` is that of the members together, and stays."""
    how = recipe.student
    rs = seed_everything(how.seed)
    batches = Batches(data, how, rs)
    wanted = targets(members, data.features)
    with torch.no_grad():
        student.class_vectors.copy_(torch.stack([m.class_vectors for m in members]).mean(0))
        student.log_temperature.copy_(torch.stack([m.log_temperature for m in members]).mean())
        untold = torch.as_tensor(data.bank)
        similarity = untold[0] @ untold[0].T
        bank = text_map.of_centred(untold)
    student.classifier.requires_grad_(False)
    student.train()
    block = [p for m in (student.norm, student.expand, student.contract) for p in m.parameters()]
    optimiser = torch.optim.AdamW(
        [
            {"params": block, "lr": recipe.rate, "weight_decay": recipe.weight_decay},
            {
                "params": [student.class_vectors, student.log_temperature],
                "lr": recipe.rate * recipe.slow,
                "weight_decay": 0.0,
            },
        ]
    )
    schedule = cosine_schedule(optimiser, recipe.warm_up, how.steps)
    started = time.monotonic()
    for step in range(how.steps):
        rows, captioned = batches.classed(), batches.captioned()
        views = data.features.draw(np.concatenate([rows, captioned]), rs, recipe.plain)
        x = torch.as_tensor(data.features.values[views].astype(np.float32))
        target = wanted[torch.as_tensor(views)].float()
        raw = told_of(data, captioned, recipe.mean_caption, rs)
        with torch.no_grad():
            sentences = text_map.of_centred(raw)
            told_to_all, told_to_own = target @ sentences.T / TAU, target[len(rows) :] @ sentences.T / TAU
            named = target @ bank[0].T / TAU
        vectors = student(x[:, :POOLED], x[:, POOLED:])
        scores = vectors @ sentences.T / TAU
        alike = (
            _divergence(scores[len(rows) :], told_to_own)
            + _divergence(scores.T, told_to_all.T)
            + _divergence(vectors @ bank[0].T / TAU, named)
        )
        apart = (1 - (vectors * target).sum(1)).mean()
        told = caption_loss(vectors[len(rows) :], sentences, raw, torch.tensor(TAU), recipe.same_meaning)
        names = bank[rs.randint(len(bank))]
        truth = soft_targets(data, rows, similarity, recipe.synonym_softness)
        called = -(truth * (vectors[: len(rows)] @ names.T / recipe.tau).log_softmax(-1)).sum(1).mean()
        classes = data.classes(student.classifier, views)
        kept = -(classes * (vectors @ names[: data.imagenet].T / recipe.tau).log_softmax(-1)).sum(1).mean()
        loss = alike + COSINE_WEIGHT * apart + TOLD_WEIGHT * told + CALLED_WEIGHT * called + KEPT_WEIGHT * kept
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == how.steps - 1:
            log.info(
                "student %d/%d apart %.4f alike %.3f told %.3f %.0f s",
                step,
                how.steps,
                apart.item(),
                alike.item(),
                told.item(),
                time.monotonic() - started,
            )
    student.eval()


def _divergence(scores: Tensor, wanted: Tensor) -> Tensor:
    return F.kl_div(scores.log_softmax(1), wanted.softmax(1), reduction="batchmean")
