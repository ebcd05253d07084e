from __future__ import annotations

import json
from pathlib import Path

from ocellus_training import card
from ocellus_training.subject_quality import table


def test_every_earlier_version_has_all_figures() -> None:
    versions = json.loads((card.KEPT / "versions.json").read_text(encoding="utf-8"))
    assert {name: len(cells) for name, cells in versions.items()} == dict.fromkeys(versions, len(card.VERSIONS))


def test_subjects_are_put_in_once(bundle: Path) -> None:
    before = (bundle / "README.md").read_text(encoding="utf-8")
    once = card.with_subjects(before, table({"composed product scenes": 0.123}))
    assert once.count(card.SUBJECTS) == 1 and "| 12.3% | 75% |" in once
    again = card.with_subjects(once, table({"composed product scenes": 0.456}))
    assert again == once.replace("12.3%", "45.6%")
