from __future__ import annotations

import numpy as np
from PIL import Image

from ocellus_training import robustness
from ocellus_training.data import prepare


def _picture() -> Image.Image:
    side = np.linspace(0, 255, 90).astype(np.uint8)
    return Image.fromarray(np.stack(np.broadcast_arrays(side[None, :], side[:80, None], np.uint8(40)), -1))


def test_a_turned_picture_comes_back_upright() -> None:
    picture = _picture()
    turned = robustness.CHANGES["turned by EXIF"](picture)
    assert turned.size == picture.size
    assert np.abs(prepare(turned).astype(int) - prepare(picture)).mean() < 3


def test_every_change_changes() -> None:
    picture = prepare(_picture()).astype(int)
    for name, change in robustness.CHANGES.items():
        assert np.abs(prepare(change(_picture())).astype(int) - picture).max() > 0, name


def test_own_nearest_counts_what_is_found() -> None:
    pictures = [_picture(), Image.new("RGB", (90, 80), (0, 200, 0))]

    def embed(pixels) -> np.ndarray:
        means = np.stack([p.reshape(-1, 3).mean(0) for p in pixels])
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    gallery = np.concatenate([embed([prepare(p) for p in pictures]), [[0, 0, 1.0]]])
    found = robustness.own_nearest(pictures, gallery, embed)
    assert found["JPEG, quality 50"] == 1.0
    assert found["grey"] < 1.0  # both are the same grey then
