"""What the pictures that a text speaks of look like: the second part of a text's vector.

The looks part of pictures was taught by classes and by their own copies, without a word, so what it adds to the words
part errs elsewhere. Heads are frozen; only a linear map of sentence vectors learns.
"""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor

from ocellus_training.mobilenet import POOLED
from ocellus_training.settings import seed_everything
from ocellus_training.towers import LooksHead, TextMap
from ocellus_training.train_words import (
    Batches,
    Recipe,
    WordsData,
    any_variant,
    caption_loss,
    cosine_schedule,
    soft_targets,
    told_of,
)

log = logging.getLogger(__name__)

STEPS = 1500
RATE = 2e-3
WEIGHT_DECAY = 0.01
CLASS_WEIGHT, CAPTION_WEIGHT = 0.5, 1.5
PLAIN = 0.2  # chance that a picture is seen as it is
CHUNK = 4096


@torch.no_grad()
def of_all_views(looks: LooksHead, features: np.ndarray) -> Tensor:
    """[views, 256]"""
    parts = []
    for start in range(0, len(features), CHUNK):
        x = torch.as_tensor(features[start : start + CHUNK].astype(np.float32))
        parts.append(looks.of_features(x[:, :POOLED], x[:, POOLED:]))
    return torch.cat(parts)


def train(text_looks: TextMap, looks: LooksHead, data: WordsData, recipe: Recipe) -> None:
    rs = seed_everything(7)
    batches = Batches(data, recipe.members[0], rs)
    seen_as = of_all_views(looks, data.features.values)
    log_tau = torch.nn.Parameter(torch.tensor(0.1).log())
    optimiser = torch.optim.AdamW(
        [
            {"params": text_looks.linear.parameters(), "lr": RATE, "weight_decay": WEIGHT_DECAY},
            {"params": [log_tau], "lr": RATE, "weight_decay": 0.0},
        ]
    )
    schedule = cosine_schedule(optimiser, recipe.warm_up, STEPS)
    bank = torch.as_tensor(data.bank)
    similarity = bank[0] @ bank[0].T
    for step in range(STEPS):
        rows, captioned = batches.classed(), batches.captioned()
        pictures = seen_as[data.features.draw(np.concatenate([rows, captioned]), rs, PLAIN)]
        tau = log_tau.exp().clamp(0.02, 0.3)
        names = text_looks.of_centred(any_variant(bank, rs))
        target = soft_targets(data, rows, similarity, recipe.synonym_softness)
        named = -(target * (pictures[: len(rows)] @ names.T / tau).log_softmax(-1)).sum(1).mean()
        raw = told_of(data, captioned, recipe.mean_caption, rs)
        told = caption_loss(pictures[len(rows) :], text_looks.of_centred(raw), raw, tau, recipe.same_meaning)
        loss = CLASS_WEIGHT * named + CAPTION_WEIGHT * told
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 300 == 0 or step == STEPS - 1:
            log.info("looks of texts %d/%d named %.3f told %.3f", step, STEPS, named.item(), told.item())
    text_looks.eval()
