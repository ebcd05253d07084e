"""What the words part would be worth with fewer captions, other seeds, and without a source of pictures.

One member of the recipe stands for all of them, so that a run takes minutes: its figures compare with one another, not with the bundle's.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ocellus_training import corpus as corpora
from ocellus_training import texts, train_words
from ocellus_training.corpus import Corpus
from ocellus_training.data import CAPTION_SOURCES, CLASS_SOURCES, RESEARCH
from ocellus_training.evaluate import percent
from ocellus_training.pipeline import Pipeline
from ocellus_training.settings import VISUAL_DIM, seed_everything
from ocellus_training.split import Role, fraction
from ocellus_training.towers import Heads, LooksHead, TextMap
from ocellus_training.train_words import Recipe

log = logging.getLogger(__name__)

STEPS = 250
SEEDS = (31, 32, 33)
SHARES = (0.25, 0.5, 1.0)
LEFT_OUT = (RESEARCH, *((s,) for s in CLASS_SOURCES), ("coco",), ("flickr", "flickr8k"))


@dataclass(frozen=True)
class Run:
    seed: int
    share: float = 1.0  # of the captioned training pictures
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"seed {self.seed}, {self.share:g} of the captions, without {' '.join(self.left_out) or 'nothing'}"


def runs() -> list[Run]:
    """In the order of what they tell."""
    first, *others = SEEDS
    return [
        *(Run(first, share) for share in reversed(SHARES)),
        *(Run(first, left_out=sources) for sources in LEFT_OUT),
        *(Run(seed, share) for share in reversed(SHARES) for seed in others),
    ]


def reduced(corpus: Corpus, share: float, left_out: Collection[str]) -> Corpus:
    """The corpus with less to train on; what is measured on stays."""
    sources = np.array([p.source for p in corpus.pictures])
    told = np.isin(sources, CAPTION_SOURCES)
    position = np.array([fraction(f"curve:{p.index}") for p in corpus.pictures])
    role = corpus.role.copy()
    role[(role == Role.TRAIN) & (np.isin(sources, list(left_out)) | (told & (position >= share)))] = Role.DROPPED
    bank = texts.build_bank(corpus.imagenet, corpus.pictures, role == Role.TRAIN)
    return replace(corpus, role=role, bank=bank)


def measure(pipeline: Pipeline, corpus: Corpus, run: Run) -> dict[str, float]:
    recipe = Recipe()
    member = replace(recipe.members[0], seed=run.seed, steps=STEPS)
    part = reduced(corpus, run.share, run.left_out)
    data = corpora.words_data(part)
    seed_everything(run.seed)
    words, text_map = pipeline.new_head(part, recipe.hidden, member.dropout)
    train_words.train(words, text_map, data, recipe, member)
    heads = Heads(words, text_map, LooksHead().eval(), TextMap(text_map.mean, VISUAL_DIM))  # no share of looks
    result = pipeline.evaluate_heads(corpus, heads, 1.0, Role.TEST)
    captions, named = result["captions"], result["class_words"]
    return {
        "captioned": float(np.isin(data.caption_rows, [p.index for p in corpus.pictures if p.captioned]).sum()),
        **{f"captions {s} {k}": captions[s][k] for s in ("all", "flickr8k", "coco") for k in ("r1", "r10")},
        **{f"words {s}": named[s]["map"] for s in CLASS_SOURCES},
        "unseen": named["classes never trained on, all held-out pictures"]["map"],
    }


def draw(pipeline: Pipeline) -> None:
    """Runs what `curves.json` of the work folder lacks, and prints all."""
    file = pipeline.paths.work / "curves.json"
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    corpus = pipeline.distilled_corpus()  # the tuned network has seen every caption
    for run in runs():
        if run.name not in known:
            known[run.name] = measure(pipeline, corpus, run)
            file.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        log.info("%s: %s", run.name, known[run.name])
    print(table(known))


def table(known: dict[str, dict[str, float]]) -> str:
    columns = list(next(iter(known.values())))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, figures in known.items():
        cells = [f"{figures[c]:.0f}" if c == "captioned" else percent(figures[c]) for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
