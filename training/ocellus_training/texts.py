"""The sentences training uses: class names with their synonyms, captions, and lists of what people call things."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ocellus_training.data import NAME_SOURCES, Picture

TEMPLATES = ("{}", "a photo of a {}", "a picture of {}", "a close-up photo of a {}", "{} in the scene")


def imagenet_names(labels: Path) -> list[list[str]]:
    """Synonyms of each of the 1,000 classes."""
    lines = labels.read_text(encoding="utf-8").splitlines()
    return [line.strip().split(", ") for line in lines[1:]]


def household_names(clip_text: Path) -> list[str]:
    """Names of the LVIS and Objects365 classes: what people call things around them."""
    names: set[str] = set()
    lvis = clip_text / "lvis_v1_names.json"
    if lvis.exists():
        rows = json.loads(lvis.read_text(encoding="utf-8"))
        rows = rows if isinstance(rows, list) else list(rows.values())
        for row in rows:
            if isinstance(row, dict):
                found = row.get("synonyms") or [row.get("name", "")]
            else:
                found = [row]
            names.update(str(n).replace("_", " ") for n in found)
    objects = clip_text / "Objects365_names_fix.csv"
    if objects.exists():
        with open(objects, encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                names.update(part.strip() for part in row[-1].split("/"))
    return sorted(n for n in names if n)


def definitions(clip_text: Path) -> list[str]:
    lvis = clip_text / "lvis_v1_names.json"
    if not lvis.exists():
        return []
    rows = json.loads(lvis.read_text(encoding="utf-8"))
    rows = rows if isinstance(rows, list) else list(rows.values())
    return sorted({str(r["definition"]) for r in rows if isinstance(r, dict) and r.get("definition")})


def templated(names: Sequence[str], templates: Sequence[str] = TEMPLATES) -> list[str]:
    return [t.format(n) for n in names for t in templates]


@dataclass(frozen=True)
class Bank:
    """Every distinct class with its names; rows 0..999 are ImageNet's."""

    names: list[list[str]]
    fine: np.ndarray  # per picture: row of its class, -1 without one
    coarse: np.ndarray  # per picture: row of the wider class (groceries), -1 without one


def build_bank(
    imagenet: Sequence[Sequence[str]], pictures: Sequence[Picture], taught: np.ndarray | None = None
) -> Bank:
    """`taught` limits it to the classes of some pictures: a name that no picture has would be a negative for all."""
    names: list[list[str]] = [list(n) for n in imagenet]
    rows: dict[str, int] = {}
    for row, synonyms in enumerate(names):
        rows.setdefault(synonyms[0].lower(), row)

    def row_of(synonyms: Sequence[str]) -> int:
        key = synonyms[0].lower()
        if key not in rows:
            rows[key] = len(names)
            names.append(list(synonyms))
        return rows[key]

    fine = np.full(len(pictures), -1)
    coarse = np.full(len(pictures), -1)
    for picture in pictures:
        if picture.captioned or picture.source in NAME_SOURCES or not picture.texts:
            continue
        if taught is not None and not taught[picture.index]:
            continue
        if picture.source == "grocery":
            fine[picture.index] = row_of(picture.texts[:1])
            if len(picture.texts) > 1:
                coarse[picture.index] = row_of(picture.texts[1:2])
        else:
            fine[picture.index] = row_of(picture.texts)
    return Bank(names, fine, coarse)
