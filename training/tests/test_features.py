from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ocellus_training import curves, distil_words, features, pipeline, views
from ocellus_training.corpus import Corpus
from ocellus_training.data import Picture
from ocellus_training.features import WIDTH, Features
from ocellus_training.mobilenet import POOLED
from ocellus_training.split import Role
from ocellus_training.texts import Bank
from ocellus_training.towers import WordsHead


def constant(value: float, rows: int) -> np.ndarray:
    return np.full((rows, WIDTH), value, np.float16)


@pytest.fixture
def three() -> Features:
    """Pictures 0 and 2 as they are, two views of picture 2, one of them of picture 0 too; nothing of picture 1."""
    known = Features(3)
    known.add(np.array([0, 2]), np.concatenate([constant(0.0, 1), constant(20.0, 1)]))
    known.add(np.array([2]), constant(21.0, 1))
    known.add(np.array([0, 2]), np.concatenate([constant(2.0, 1), constant(22.0, 1)]))
    return known.finish()


def test_views_are_those_of_the_picture(three: Features) -> None:
    assert three.plain.tolist() == [0, -1, 1]
    assert three.views.tolist() == [2, 0, 3]
    assert three.of(np.array([2, 0]))[:, 0].tolist() == [20, 0]
    rs = np.random.RandomState(0)
    drawn = three.values[three.draw(np.repeat([0, 2], 200), rs, 0.0), 0]
    assert set(drawn[:200].tolist()) == {0, 2}
    assert set(drawn[200:].tolist()) == {20, 21, 22}
    always_plain = three.values[three.draw(np.repeat([0, 2], 50), rs, 1.0), 0]
    assert set(always_plain.tolist()) == {0, 20}


def test_a_finished_view_is_not_made_again(tmp_path: Path) -> None:
    np.save(tmp_path / "kept.npy", constant(3.0, 2))

    def look(_: int) -> np.ndarray:
        raise AssertionError("looked at a picture again")

    assert features.extract(tmp_path / "no.onnx", np.arange(2), look, tmp_path / "kept.npy")[1, 0] == 3


def test_a_source_may_be_left_out() -> None:
    rs = np.random.RandomState(0)
    assert sorted(features.some(rs, np.array([4, 5, 6]), 5)) == [4, 5, 6]
    assert len(features.some(rs, np.array([4, 5, 6]), 2)) == 2
    assert features.some(rs, np.zeros(0, np.int64), 5).tolist() == []


def test_a_view_of_a_picture_is_always_the_same() -> None:
    picture = Image.fromarray(np.random.RandomState(1).randint(0, 256, (224, 224, 3), np.uint8).astype(np.uint8))
    one, again, other = (np.asarray(views.head_view(picture, np.random.RandomState(s), 0.45)) for s in (7, 7, 8))
    assert one.shape == (224, 224, 3)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_some_views_are_grey() -> None:
    picture = Image.new("RGB", (64, 64), (200, 40, 40))
    seen = [np.asarray(views.head_view(picture, np.random.RandomState(s), 0.45)).astype(int) for s in range(100)]
    grey = np.mean([np.ptp(view, 2).max() < 12 for view in seen])
    assert 0.03 < grey < 0.27


def test_a_student_is_told_the_mean_of_members_and_views(three: Features) -> None:
    torch.manual_seed(0)
    members = [WordsHead(8).eval(), WordsHead(8).eval()]
    for member in members:
        torch.nn.init.normal_(member.class_vectors)
        torch.nn.init.normal_(member.contract.weight)
        member.classifier.load_state_dict(members[0].classifier.state_dict())
    wanted = distil_words.targets(members, three).float()
    x = torch.from_numpy(three.values.astype(np.float32))
    with torch.no_grad():
        logits = members[0].classifier(x[:, :POOLED])
        said = sum(m.raw(logits, x[:, :POOLED], x[:, POOLED:]) for m in members)
        assert isinstance(said, torch.Tensor)
        own = torch.nn.functional.normalize(said, dim=-1)
    rows = torch.from_numpy(three.table[2])
    mean = torch.nn.functional.normalize(own[rows].mean(0), dim=-1)
    halfway = torch.nn.functional.normalize(own[rows] + mean, dim=-1)
    assert torch.allclose(wanted[rows], halfway, atol=2e-3)


def test_curves_leave_out_training_pictures_alone() -> None:
    pictures = [
        Picture(0, 0, "a", "caltech", "dog", ("dog",)),
        Picture(1, 0, "b", "grocery", "pear", ("pear",)),
        *(Picture(i, 0, f"c{i}", "coco", None, (f"caption {i}",)) for i in range(2, 202)),
    ]
    role = np.zeros(len(pictures), int)
    role[100:] = Role.TEST
    nothing = np.zeros(0)
    corpus = Corpus(pictures, role, Features(1), nothing, [["cat"]], Bank([], nothing, nothing), {}, nothing, {})
    part = curves.reduced(corpus, 0.5, ("caltech",))
    assert (part.role[100:] == Role.TEST).all()
    assert part.role[0] == Role.DROPPED
    assert part.role[1] == Role.TRAIN
    assert part.bank.names == [["cat"], ["pear"]]
    assert 30 < (part.role[2:100] == Role.TRAIN).sum() < 70
    whole = curves.reduced(corpus, 1.0, ())
    assert (whole.role == role).all()


def test_every_training_picture_has_views(paths) -> None:
    run = pipeline.Pipeline(paths)
    rows = np.concatenate([group.rows for group in run.groups()])
    assert np.array_equal(np.sort(rows), run.train_rows)
