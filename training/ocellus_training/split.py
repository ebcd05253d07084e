"""Which picture plays which part. A rule, not a list: a hash of the picture's name decides, so it never moves.

- `unseen`: all pictures of one class in ten; the class's pictures are never trained on.
- `test`: one picture in ten of the rest; reported, never looked at for a decision.
- `validation`: one in twenty-five; decides when to stop and how the parts are weighted.
- `train`: the rest, less whatever repeats a picture or a caption of the other three (`corpus.drop_leaks`).

Of the 64-pixel source, which outnumbers the others together, only a part takes part at all.

Pictures of one name (groceries reuse names) always share a part.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from ocellus_training.data import CLASS_SOURCES, Picture

UNSEEN_CLASSES = 0.10
SMALL_SHARE = 0.4
TEST = 0.10
VALIDATION = 0.04
SMALL_DISTRACTORS = 10_000
LARGE_DISTRACTORS = 6_580
NEAR_DUPLICATE = 0.9  # cosine of centred square-root features: shots of one thing are above, two dogs on grass below


class Role(IntEnum):
    TRAIN = 0
    VALIDATION = 1
    TEST = 2
    UNSEEN = 3
    DROPPED = 4


def fraction(key: str) -> float:
    """A number in [0, 1) that depends on nothing but the key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") / 2**64


def role_of(picture: Picture) -> Role:
    if picture.source == "tiny" and fraction(f"share:{picture.file}") >= SMALL_SHARE:
        return Role.DROPPED
    if picture.source in CLASS_SOURCES and fraction(f"class:{picture.source}/{picture.cls}") < UNSEEN_CLASSES:
        return Role.UNSEEN
    position = fraction(f"picture:{picture.file}")
    if position < TEST:
        return Role.TEST
    if position < TEST + VALIDATION:
        return Role.VALIDATION
    return Role.TRAIN


def roles(pictures: Sequence[Picture]) -> np.ndarray:
    return np.array([role_of(p) for p in pictures])


def distractors(pictures: Sequence[Picture]) -> tuple[np.ndarray, np.ndarray]:
    """Pictures to hide a searched one among: 64-pixel ones that take no part, and larger ones of known classes.

    The larger ones are training pictures (there are no others so many), so they are hard ones: their vectors are as
    sure of themselves as any.
    """
    role = roles(pictures)
    order = np.array([fraction(f"distractor:{p.file}") for p in pictures])
    small = np.array([p.source == "tiny" for p in pictures])
    captioned = np.array([p.captioned for p in pictures])

    def first(chosen: np.ndarray, count: int) -> np.ndarray:
        rows = np.flatnonzero(chosen)
        return np.sort(rows[np.argsort(order[rows], kind="stable")][:count])

    return (
        first(small & (role == Role.DROPPED), SMALL_DISTRACTORS),
        first(~small & ~captioned & (role == Role.TRAIN), LARGE_DISTRACTORS),
    )


def normalised_caption(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def caption_leaks(pictures: Sequence[Picture], role: np.ndarray) -> np.ndarray:
    """Training pictures that share a caption of at least five words with a held-out picture."""

    def captions(picture: Picture) -> set[str]:
        return {c for c in map(normalised_caption, picture.texts) if c.count(" ") >= 4}

    held = {
        caption
        for picture in pictures
        if picture.captioned and role[picture.index] != Role.TRAIN
        for caption in captions(picture)
    }
    return np.array(
        [p.index for p in pictures if p.captioned and role[p.index] == Role.TRAIN and captions(p) & held], np.int64
    )


def near_duplicates(
    vectors: np.ndarray, train: np.ndarray, held: np.ndarray, threshold: float = NEAR_DUPLICATE
) -> np.ndarray:
    """Members of `train` whose normalised vector is closer than `threshold` to one of `held`."""
    targets = vectors[held].astype(np.float32)
    leaks = []
    for start in range(0, len(train), 2048):
        rows = train[start : start + 2048]
        leaks.append(rows[(vectors[rows].astype(np.float32) @ targets.T).max(1) > threshold])
    return np.concatenate(leaks) if leaks else np.zeros(0, np.int64)
