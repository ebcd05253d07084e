from __future__ import annotations

from pathlib import Path

import pytest

from ocellus_training.settings import REPOSITORY, Paths, default_minilm, default_shared, default_work


@pytest.fixture(scope="session")
def paths() -> Paths:
    shared = default_shared()
    if not (shared / "data" / "photos" / "labels.jsonl").exists():
        pytest.skip(f"no training data at {shared} (set OCELLUS_SHARED)")
    return Paths(shared, default_work(), default_minilm())


@pytest.fixture(scope="session")
def bundle() -> Path:
    folder = REPOSITORY / "models" / "default"
    if not (folder / "config.json").exists():
        pytest.skip(f"no bundle at {folder}")
    return folder
