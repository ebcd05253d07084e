from __future__ import annotations

import numpy as np

from ocellus_training import split
from ocellus_training.data import CAPTION_SOURCES, CLASS_SOURCES, Picture, read_labels
from ocellus_training.split import Role


def _picture(index: int, file: str, source: str, cls: str = "", texts: tuple[str, ...] = ()) -> Picture:
    return Picture(index, 0, file, source, cls, texts)


def test_fractions_never_change() -> None:
    assert split.fraction("picture:flickr/1.webp") == split.fraction("picture:flickr/1.webp")
    # On disk, so to speak: another hash would mix test pictures into training.
    assert round(split.fraction("ocellus"), 6) == 0.824566


def test_pictures_of_one_name_share_a_role() -> None:
    pictures = [_picture(i, f"grocery/{i // 2}.webp", "grocery", "seen") for i in range(400)]
    roles = split.roles(pictures)
    assert (roles[0::2] == roles[1::2]).all()


def test_shares() -> None:
    roles = split.roles([_picture(i, f"flickr8k/{i}.webp", "flickr8k") for i in range(20000)])
    assert abs((roles == Role.TEST).mean() - split.TEST) < 0.01
    assert abs((roles == Role.VALIDATION).mean() - split.VALIDATION) < 0.01


def test_caption_leaks() -> None:
    caption = "Two dogs run across a green field ."
    files = [f"flickr/{i}.webp" for i in range(200)]
    pictures = [_picture(i, f, "flickr", texts=(caption.upper() if i % 2 else caption, f)) for i, f in enumerate(files)]
    roles = split.roles(pictures)
    leaks = split.caption_leaks(pictures, roles)
    assert sorted(leaks) == np.flatnonzero(roles == Role.TRAIN).tolist()


def test_near_duplicates() -> None:
    rs = np.random.RandomState(0)
    vectors = rs.randn(20, 64).astype(np.float32)
    vectors[7] = vectors[15] + 0.01 * rs.randn(64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert split.near_duplicates(vectors, np.arange(10), np.arange(10, 20)).tolist() == [7]


def test_the_parts_of_the_training_data_are_disjoint(paths) -> None:
    pictures = read_labels(paths.photos)
    roles = split.roles(pictures)
    files = {role: {p.file for p in pictures if roles[p.index] == role} for role in Role}
    assert not files[Role.TRAIN] & (files[Role.TEST] | files[Role.VALIDATION] | files[Role.UNSEEN])
    assert not files[Role.VALIDATION] & files[Role.TEST]
    classes = {
        role: {(p.source, p.cls) for p in pictures if roles[p.index] == role and p.source in CLASS_SOURCES}
        for role in Role
    }
    assert not classes[Role.UNSEEN] & classes[Role.TRAIN]
    captioned = [p for p in pictures if roles[p.index] == Role.TEST and p.source in CAPTION_SOURCES]
    assert len(captioned) > 900
