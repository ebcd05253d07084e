from __future__ import annotations

import numpy as np
import pytest

from ocellus_training import metrics


def test_average_precision() -> None:
    relevant = np.array([[True, False, True, False], [False, False, False, False]])
    assert metrics.average_precision(relevant) == pytest.approx([(1 + 2 / 3) / 2, 0])


def test_words_to_pictures() -> None:
    pictures = metrics.unit(np.array([[1, 0], [1, 0.1], [0, 1.0]]))
    result = metrics.words_to_pictures(pictures, np.array(["a", "b", "b"]), np.eye(2), np.array(["b", "b"]))
    assert result["r1"] == 0.5
    assert result["r10"] == 1.0
    assert result["map"] == pytest.approx(((1 / 2 + 2 / 3) / 2 + 1) / 2)
    assert result["map_se"] == pytest.approx(abs((1 / 2 + 2 / 3) / 2 - 1) / 2 / 2**0.5)


def test_a_tie_counts_against_the_own_picture() -> None:
    pictures = np.ones((5, 3))
    assert metrics.ranks_of_own(pictures, np.ones((1, 3)), np.array([2])).tolist() == [4]


def test_pictures_to_pictures() -> None:
    vectors = metrics.unit(np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1.0], [5, 5]]))
    assert metrics.pictures_to_pictures(vectors, np.array(["a", "a", "b", "b", "c"])) == 1.0
