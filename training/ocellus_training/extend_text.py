"""Teaches the distilled sentence encoder its new vocabulary: what a text in the new words, misspelt or in Chinese, means
is what MiniLM says of the clean English text in the old ones.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from ocellus_training import sentence
from ocellus_training.chinese import Phrases
from ocellus_training.sentence import SentenceEncoder
from ocellus_training.settings import seed_everything
from ocellus_training.vocabulary import Vocabulary

log = logging.getLogger(__name__)

STEPS = 300
WARM_UP = 15
RATE = 5e-5
RATE_OF_NEW_ROWS = 1e-3
OLD_ROWS = 0.03  # share of that rate for rows that English had before
RELATION_WEIGHT = 5.0
ENGLISH, MISSPELT, LISTED, COMPOSED = 16, 10, 28, 10  # texts of each kind in a step
ENGLISH_SHARES = (0.36, 0.23, 0.13, 0.14, 0.14)  # captions, names, meanings of Chinese, words in pieces, definitions
LETTERS = "abcdefghijklmnoprstuvwy"


def misspell(text: str, rs: np.random.RandomState) -> str:
    """One or two words with a letter missing, doubled, swapped or wrong, or a plural made or undone."""
    words = text.split()
    for _ in range(1 if len(words) < 6 else rs.randint(1, 3)):
        long = [i for i, word in enumerate(words) if len(word) >= 4]
        if not long:
            break
        i = long[rs.randint(len(long))]
        word = words[i]
        at = rs.randint(1, len(word) - 1)
        words[i] = (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + LETTERS[rs.randint(len(LETTERS))] + word[at + 1 :],
            word[:-1] if word.endswith("s") else word + "s",
        )[rs.randint(5)]
    return " ".join(words)


@dataclass
class Lessons:
    captions: Sequence[str]
    names: Sequence[str]
    definitions: Sequence[str]
    pruned: Sequence[str]  # English words that are read in pieces now
    chinese: Sequence[tuple[str, str]]  # with the English
    phrases: Phrases

    def english(self, rs: np.random.RandomState) -> str:
        sources = (self.captions, self.names, [english for _, english in self.chinese], self.pruned, self.definitions)
        texts = sources[rs.choice(len(sources), p=ENGLISH_SHARES)]
        return texts[rs.randint(len(texts))]

    def misspelt(self, rs: np.random.RandomState) -> tuple[str, str]:
        texts = self.captions if rs.rand() < 0.5 else self.names
        text = texts[rs.randint(len(texts))]
        return misspell(text, rs), text

    def step(self, rs: np.random.RandomState) -> list[tuple[str, str]]:
        """Pairs of what is read and the English that it means."""
        pairs = [(text, text) for text in (self.english(rs) for _ in range(ENGLISH))]
        pairs += [self.misspelt(rs) for _ in range(MISSPELT)]
        pairs += [self.chinese[i] for i in rs.randint(len(self.chinese), size=LISTED)]
        pairs += [self.phrases.sample(rs) for _ in range(COMPOSED)]
        return sorted(pairs, key=lambda pair: len(pair[1]))


def start(encoder: SentenceEncoder, vocabulary: Vocabulary) -> SentenceEncoder:
    """The same encoder with the new vocabulary: kept words as they are, new ones the mean of what they mean."""
    state = dict(encoder.state_dict())
    table = state["words.weight"]
    state["words.weight"] = torch.stack([table[rows].mean(0) for rows in vocabulary.starts])
    state["rows"] = torch.as_tensor(vocabulary.rows)
    return sentence.from_state(state)


def _loss(
    pairs: Sequence[tuple[str, str]],
    student: SentenceEncoder,
    tokenizer: Tokenizer,
    teacher: SentenceEncoder,
    teachers_tokenizer: Tokenizer,
) -> Tensor:
    """How far what the student makes of the first of each pair is from what the teacher makes of the second."""
    ids, mask = map(torch.as_tensor, sentence.encode_batch(teachers_tokenizer, [meant for _, meant in pairs]))
    with torch.no_grad():
        target = teacher(ids, mask)
    ids, mask = map(torch.as_tensor, sentence.encode_batch(tokenizer, [read for read, _ in pairs]))
    vectors = student(ids, mask)
    apart = (1.0 - (vectors * target).sum(1)).mean()
    return apart + RELATION_WEIGHT * F.mse_loss(vectors @ vectors.T, target @ target.T)


def train(
    student: SentenceEncoder,
    tokenizer: Tokenizer,
    teacher: SentenceEncoder,
    teachers_tokenizer: Tokenizer,
    material: Lessons,
    first_new_row: int,
    steps: int = STEPS,
) -> SentenceEncoder:
    rs = seed_everything(4)
    student.train()
    table = student.words.weight
    rest = [p for p in student.parameters() if p is not table]
    rates = (RATE_OF_NEW_ROWS, RATE)
    optimiser = torch.optim.Adam(
        [{"params": [table], "lr": rates[0]}, {"params": rest, "lr": rates[1]}], betas=(0.9, 0.98), fused=True
    )
    started = time.monotonic()
    for step in range(steps):
        factor = min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + np.cos(np.pi * step / steps))
        for group, rate in zip(optimiser.param_groups, rates):
            group["lr"] = rate * factor
        pairs = material.step(rs)
        halves = (pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :])  # short texts, long ones: less padding
        total = 0.0
        for half in halves:
            loss = 0.5 * _loss(half, student, tokenizer, teacher, teachers_tokenizer)
            loss.backward()
            total += loss.item()
        with torch.no_grad():
            before = table[:first_new_row].clone()
            optimiser.step()
            table[:first_new_row] = before + OLD_ROWS * (table[:first_new_row] - before)
        optimiser.zero_grad()
        if step % 10 == 0 or step == steps - 1:
            log.info("words %d/%d loss %.4f %.0f s", step, steps, total, time.monotonic() - started)
    return student.eval()
