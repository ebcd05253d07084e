"""Trains the part of a picture's vector that lives among sentences.

Each step takes pictures with a class and pictures with captions. The loss has three parts:
- the classifier's own probabilities over the 1,000 ImageNet names, so that words without pictures here are kept;
- the picture's class among all names, where names that mean nearly the same are no negatives;
- captions against pictures, both ways (InfoNCE).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from ocellus_training.features import WIDTH, Features
from ocellus_training.last_stage import LastStage
from ocellus_training.mobilenet import POOLED
from ocellus_training.settings import seed_everything
from ocellus_training.towers import GRID, TextMap, WordsHead

log = logging.getLogger(__name__)

LARGER_SHARE = 1.5
NEVER = -1e4  # a score that softmax makes nothing of


@dataclass(frozen=True)
class Member:
    """One of the heads that are trained apart: what one of them sees by accident, the others do not."""

    seed: int
    steps: int
    dropout: float
    class_weight: float
    class_batch: int
    caption_batch: int
    small: float  # how often a 64-pixel picture is drawn, where a larger one of Caltech or of garments is 1.5
    grocery: float


@dataclass(frozen=True)
class Student:
    """The head that ships: as wide as a bundle has room for, it learns what the members say together (`distil_words`)."""

    seed: int = 20
    hidden: int = 1280
    steps: int = 700
    dropout: float = 0.2
    class_batch: int = 640
    caption_batch: int = 560
    small: float = 0.25
    grocery: float = 2.0


@dataclass(frozen=True)
class Recipe:
    hidden: int = 640  # of each member
    members: tuple[Member, ...] = (
        Member(12, 900, 0.4, 2.0, 400, 560, 0.35, 2.0),
        Member(13, 900, 0.5, 1.5, 320, 640, 0.25, 1.5),
        Member(14, 900, 0.5, 2.0, 400, 560, 0.35, 2.0),
        Member(16, 700, 0.4, 2.0, 400, 560, 0.35, 2.0),
    )
    student: Student = Student()
    tuning: Member = Member(31, 350, 0.4, 2.0, 160, 352, 0.2, 2.0)  # of the first member, with the last stage
    tuning_rate: float = 3e-4
    warm_up: int = 40
    plain: float = 0.1  # chance that a picture is seen as it is, not as one of its random views
    rate: float = 1e-3
    weight_decay: float = 0.2
    last_stage_rate: float = 3e-3  # of each tensor's own size
    slow: float = 0.09  # of the rate, for class vectors and the temperature
    map_share: float = 0.3  # of the rate, for the text map
    tau: float = 0.08
    synonym_softness: float = 0.05
    teacher_weight: float = 1.5
    caption_teacher_weight: float = 0.3
    caption_weight: float = 3.0
    map_drift_weight: float = 0.01
    mean_caption: float = 0.3  # how often the mean of a picture's captions stands in for one of them
    same_meaning: float = 0.8  # captions closer than this are no negatives of one another
    told_by_name: float = 0.45  # a class picture whose name is closer than this to a caption is no distractor


@dataclass
class WordsData:
    """Everything is in the centred sentence space before the text map."""

    features: Features
    classified: np.ndarray  # [views, 1280]: what the classifier tells the 1,000 names from
    class_rows: np.ndarray
    class_sources: np.ndarray  # of each of class_rows
    fine: np.ndarray
    coarse: np.ndarray
    bank: np.ndarray  # [variants, names, 384]
    imagenet: int  # the bank starts with this many ImageNet names
    caption_rows: np.ndarray
    caption_share: np.ndarray
    captions: dict[int, np.ndarray]  # picture: [k, 384]

    @torch.no_grad()
    def classes(self, classifier: nn.Linear, views: np.ndarray) -> Tensor:
        """Shares [n, 1000] of the ImageNet names that the distilled network sees in each."""
        shares: Tensor = classifier(torch.as_tensor(self.classified[views].astype(np.float32))).softmax(-1)
        return shares


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)


class Batches:
    """Pictures of a step: of classes, as often as their source is wanted, and with captions."""

    def __init__(self, data: WordsData, member: Member | Student, rs: np.random.RandomState):
        share = np.full(len(data.class_rows), LARGER_SHARE)
        share[data.class_sources == "tiny"] = member.small
        share[data.class_sources == "grocery"] = member.grocery
        self._share = share / share.sum()
        self._count = member.class_batch, min(member.caption_batch, int(0.8 * len(data.caption_rows)))
        self._data, self._rs = data, rs

    def classed(self) -> np.ndarray:
        return self._rs.choice(self._data.class_rows, self._count[0], p=self._share)

    def captioned(self) -> np.ndarray:
        share = self._data.caption_share
        return self._rs.choice(self._data.caption_rows, self._count[1], replace=False, p=share)


def told_of(data: WordsData, pictures: np.ndarray, mean_caption: float, rs: np.random.RandomState) -> Tensor:
    """A caption of each at random, or the mean of all of its captions: [n, 384]."""
    captions = [data.captions[int(i)] for i in pictures]
    return torch.as_tensor(
        np.stack([c[rs.randint(len(c))] if rs.rand() > mean_caption else _unit(c.mean(0)) for c in captions])
    )


def cosine_schedule(optimiser: Optimizer, warm_up: int, steps: int) -> LambdaLR:
    def factor(step: int) -> float:
        return min(1.0, (step + 1) / warm_up) * 0.5 * (1 + np.cos(np.pi * step / steps))

    return LambdaLR(optimiser, factor)


def soft_targets(data: WordsData, rows: np.ndarray, similarity: Tensor, softness: float) -> Tensor:
    fine = torch.as_tensor(data.fine[rows])
    coarse = torch.as_tensor(data.coarse[rows])
    target = (similarity[fine] / softness).softmax(-1)
    wider = coarse >= 0
    if wider.any():
        target = target.clone()
        target[wider] = 0.7 * target[wider] + 0.3 * (similarity[coarse[wider]] / softness).softmax(-1)
    return target


def any_variant(bank: Tensor, rs: np.random.RandomState) -> Tensor:
    """[names, 384]: all names said in one way, or now and then each in a way of its own."""
    variants, names = bank.shape[:2]
    if rs.rand() < 0.3:
        return bank[torch.as_tensor(rs.randint(variants, size=names)), torch.arange(names)]
    return bank[rs.randint(variants)]


def caption_loss(
    pictures: Tensor, captions: Tensor, raw: Tensor, tau: Tensor, same_meaning: float, others: Tensor | None = None
) -> Tensor:
    """Symmetric InfoNCE; `raw` are the captions before the text map, by which equal meanings are told.

    `others` [captions, m]: scores of more pictures that are wrong answers to the captions.
    """
    count = len(pictures)
    near = (raw @ raw.T > same_meaning) & ~torch.eye(count, dtype=torch.bool)
    scores = (pictures @ captions.T / tau).masked_fill(near, NEVER)
    found = scores.T if others is None else torch.cat([scores.T, others], 1)
    own = torch.arange(count)
    return 0.5 * (F.cross_entropy(scores, own) + F.cross_entropy(found, own))


def train(
    head: WordsHead,
    text_map: TextMap,
    data: WordsData,
    recipe: Recipe,
    member: Member,
    last_stage: LastStage | None = None,
) -> None:
    """With `last_stage` that learns too; the features are then those of `FeaturesAndMap`."""
    rs = seed_everything(member.seed)
    batches = Batches(data, member, rs)
    head.train()
    head.classifier.requires_grad_(False)
    log_tau = torch.nn.Parameter(torch.tensor(0.07).log())
    slow = [head.class_vectors, head.log_temperature]
    block = [p for m in (head.norm, head.expand, head.contract) for p in m.parameters()]
    optimiser = torch.optim.AdamW(
        [
            {"params": block, "lr": recipe.rate, "weight_decay": recipe.weight_decay},
            {"params": slow, "lr": recipe.rate * recipe.slow, "weight_decay": 0.0},
            {"params": [log_tau], "lr": recipe.rate, "weight_decay": 0.0},
            {"params": text_map.linear.parameters(), "lr": recipe.rate * recipe.map_share, "weight_decay": 0.0},
            *([] if last_stage is None else last_stage.groups(recipe.last_stage_rate)),
        ]
    )
    schedule = cosine_schedule(optimiser, recipe.warm_up, member.steps)
    bank = torch.as_tensor(data.bank)
    similarity = bank[0] @ bank[0].T
    identity = torch.eye(bank.shape[-1])
    started = time.monotonic()
    for step in range(member.steps):
        rows, captioned = batches.classed(), batches.captioned()
        seen = np.concatenate([rows, captioned])
        views = data.features.draw(seen, rs, recipe.plain)
        features = torch.as_tensor(data.features.values[views].astype(np.float32))
        pooled, extra = features[:, :POOLED], features[:, POOLED:WIDTH]
        teacher = data.classes(head.classifier, views)
        if last_stage is not None:
            pooled, summary = last_stage(features[:, WIDTH:])
            extra = torch.cat([summary, extra[:, GRID:]], 1)
        vectors = head(pooled, extra)
        words = text_map.of_centred(any_variant(bank, rs))
        of_class = vectors[: len(rows)]
        scores = of_class @ words.T / recipe.tau
        kept = -(teacher[: len(rows)] * scores[:, : data.imagenet].log_softmax(-1)).sum(1).mean()
        target = soft_targets(data, rows, similarity, recipe.synonym_softness)
        named = -(target * scores.log_softmax(-1)).sum(1).mean()
        of_caption = vectors[len(rows) :]
        scores = of_caption @ words[: data.imagenet].T / recipe.tau
        kept_too = -(teacher[len(rows) :] * scores.log_softmax(-1)).sum(1).mean()
        raw = told_of(data, captioned, recipe.mean_caption, rs)
        sentences = text_map.of_centred(raw)
        tau = log_tau.exp().clamp(0.02, 0.2)
        named_alike = raw @ bank[0][torch.as_tensor(data.fine[rows])].T > recipe.told_by_name
        others = (sentences @ of_class.T / tau).masked_fill(named_alike, NEVER)
        told = caption_loss(of_caption, sentences, raw, tau, recipe.same_meaning, others)
        loss = (
            recipe.teacher_weight * kept
            + recipe.caption_teacher_weight * kept_too
            + member.class_weight * named
            + recipe.caption_weight * told
            + recipe.map_drift_weight * (text_map.linear.weight - identity).square().sum()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == member.steps - 1:
            log.info(
                "words %d/%d kept %.3f named %.3f told %.3f tau %.3f %.0f s",
                step,
                member.steps,
                kept.item(),
                named.item(),
                told.item(),
                log_tau.exp().item(),
                time.monotonic() - started,
            )
    head.eval()
