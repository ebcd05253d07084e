from __future__ import annotations

import numpy as np
import pytest

from ocellus_training import calibrate


def _pairs() -> tuple[np.ndarray, np.ndarray]:
    rs = np.random.RandomState(0)
    return 0.6 + 0.1 * rs.randn(400), 0.2 + 0.1 * rs.randn(4000)


def test_fit_finds_the_middle() -> None:
    curve = calibrate.fit(*_pairs())
    # Two normal distributions of one spread: the log of their ratio is a straight line of slope 0.4 / 0.01.
    assert curve.slope == pytest.approx(40, rel=0.2)
    assert -curve.offset / curve.slope == pytest.approx(0.4, abs=0.02)


def test_no_curve_near_the_fitted_one_is_better() -> None:
    same, different = _pairs()
    curve = calibrate.fit(same, different)
    best = calibrate.loss(curve, same, different)
    for slope, offset in ((1.1, 1.0), (0.9, 1.0), (1.0, 1.1), (1.0, 0.9)):
        other = calibrate.Calibration(curve.slope * slope, curve.offset * offset)
        assert calibrate.loss(other, same, different) > best


def test_a_picture_is_itself() -> None:
    curve = calibrate.fit_through_itself(*_pairs())
    assert curve.scores(np.ones(1))[0] == pytest.approx(calibrate.ITSELF)
    assert curve.scores(np.array([0.6]))[0] > 0.5 > curve.scores(np.array([0.2]))[0]
