"""Everything the heads are trained on, put together: roles, features, and centred sentence vectors."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ocellus_training import metrics, sentence, split, texts
from ocellus_training.data import CAPTION_SOURCES, CLASS_SOURCES, NAME_SOURCES, Picture
from ocellus_training.features import Features
from ocellus_training.sentence import SentenceEncoder
from ocellus_training.split import Role
from ocellus_training.texts import Bank
from ocellus_training.towers import LooksHead
from ocellus_training.train_words import WordsData

log = logging.getLogger(__name__)

NAME_WEIGHT = 0.5  # product names beside captions


@dataclass
class Corpus:
    pictures: list[Picture]
    role: np.ndarray
    features: Features
    classified: (
        np.ndarray
    )  # pooled features of the distilled network for the same rows: its 1,000 classes are to be kept
    imagenet: list[list[str]]
    bank: Bank
    sentences: dict[str, np.ndarray]  # text: normalised vector, not centred
    mean: np.ndarray  # of the 1,000 class vectors
    dropped: dict[str, int]

    @property
    def train(self) -> np.ndarray:
        return np.flatnonzero(self.role == Role.TRAIN)

    def centred(self, names: Sequence[str]) -> np.ndarray:
        return metrics.unit(np.stack([self.sentences[n] for n in names]) - self.mean).astype(np.float32)

    def concept(self, synonyms: Sequence[str], templates: Sequence[str] = texts.TEMPLATES[:2]) -> np.ndarray:
        vectors = np.stack([self.sentences[t] for t in texts.templated(synonyms, templates)])
        return metrics.unit(metrics.unit(vectors.mean(0)) - self.mean).astype(np.float32)


def wanted_texts(pictures: Sequence[Picture], bank: Bank) -> list[str]:
    wanted = {t for names in bank.names for t in texts.templated(names, texts.TEMPLATES[:2])}
    for picture in pictures:
        if picture.captioned or picture.source in NAME_SOURCES:
            wanted.update(picture.texts)
    return sorted(wanted)


def embed_all(encoder: SentenceEncoder, tokenizer_file: Path, wanted: list[str], cache: Path) -> dict[str, np.ndarray]:
    listing = cache.with_suffix(".json")
    if not listing.exists() or json.loads(listing.read_text(encoding="utf-8")) != wanted:
        vectors = sentence.embed_texts(encoder, sentence.load_tokenizer(tokenizer_file), wanted)
        np.save(cache, vectors)
        listing.write_text(json.dumps(wanted), encoding="utf-8")
    return dict(zip(wanted, np.load(cache)))


def drop_leaks(pictures: Sequence[Picture], role: np.ndarray, pooled: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """Takes out of training what repeats a held-out picture: by caption, and by nearly equal features."""
    role = role.copy()
    captions = split.caption_leaks(pictures, role)
    role[captions] = Role.DROPPED
    sources = np.array([p.source for p in pictures])
    twins = 0
    for group in (CAPTION_SOURCES, *((s,) for s in CLASS_SOURCES)):
        of_group = np.isin(sources, group)
        members = np.flatnonzero(of_group)
        if len(members) == 0:
            continue
        roots = LooksHead.roots(torch.as_tensor(pooled[members].astype(np.float32))).numpy(force=True)
        vectors = metrics.unit(roots - roots.mean(0))
        place = np.full(len(pictures), -1)
        place[members] = np.arange(len(members))
        train = members[role[members] == Role.TRAIN]
        held = members[np.isin(role[members], (Role.VALIDATION, Role.TEST, Role.UNSEEN))]
        found = members[split.near_duplicates(vectors, place[train], place[held])]
        role[found] = Role.DROPPED
        twins += len(found)
    return role, {"same caption": len(captions), "nearly the same picture": int(twins)}


def words_data(corpus: Corpus) -> WordsData:
    train = corpus.train
    sources = np.array([p.source for p in corpus.pictures])
    class_rows = train[corpus.bank.fine[train] >= 0]
    caption_rows = train[np.isin(sources[train], CAPTION_SOURCES + NAME_SOURCES)]
    caption_share = np.where(np.isin(sources[caption_rows], NAME_SOURCES), NAME_WEIGHT, 1.0)
    variants = []
    for names in corpus.bank.names:
        both, plain, photo = texts.TEMPLATES[:2], texts.TEMPLATES[:1], texts.TEMPLATES[1:2]
        variants.append(
            np.stack(
                [
                    corpus.concept(names[:1], both),
                    corpus.concept(names, both),
                    corpus.concept(names[:1], plain),
                    corpus.concept(names[:1], photo),
                    corpus.concept(names[-1:], both),
                ]
            )
        )
    return WordsData(
        features=corpus.features,
        classified=corpus.classified,
        class_rows=class_rows,
        class_sources=sources[class_rows],
        fine=corpus.bank.fine,
        coarse=corpus.bank.coarse,
        bank=np.stack(variants, 1),
        imagenet=len(corpus.imagenet),
        caption_rows=caption_rows,
        caption_share=caption_share / caption_share.sum(),
        captions={int(i): corpus.centred(corpus.pictures[i].texts) for i in caption_rows},
    )
