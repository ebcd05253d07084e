"""Scores from 0 to 1: a cosine as the probability that picture and query belong together.

score = 1 / (1 + exp(-(slope * cosine + offset))), fitted on validation pictures where pairs that belong together and
pairs that do not weigh the same. So 0.5 means: as likely as not, had the pair been drawn from equally many of both.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

ITSELF = 0.999  # score of a picture with itself


@dataclass(frozen=True)
class Calibration:
    slope: float
    offset: float

    def scores(self, cosines: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(-(self.slope * cosines + self.offset)))

    def as_config(self) -> dict[str, float]:
        return {name: round(float(value), 4) for name, value in asdict(self).items()}


def loss(calibration: Calibration, same: np.ndarray, different: np.ndarray) -> float:
    """Mean negative log-likelihood, both kinds of pairs weighing the same."""

    def of(cosines: np.ndarray, sign: float) -> float:
        return float(np.logaddexp(0.0, -sign * (calibration.slope * cosines + calibration.offset)).mean())

    return 0.5 * (of(same, 1.0) + of(different, -1.0))


def fit(same: np.ndarray, different: np.ndarray, steps: int = 100) -> Calibration:
    """Logistic regression by Newton's method."""
    x = np.concatenate([same, different]).astype(np.float64)
    y = np.concatenate([np.ones(len(same)), np.zeros(len(different))])
    weight = np.concatenate([np.full(len(same), 0.5 / len(same)), np.full(len(different), 0.5 / len(different))])
    columns = np.stack([x, np.ones_like(x)], 1)
    parameters = np.zeros(2)
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-(columns @ parameters)))
        gradient = columns.T @ (weight * (p - y))
        curvature = (columns * (weight * p * (1 - p))[:, None]).T @ columns + 1e-9 * np.eye(2)
        change = np.linalg.solve(curvature, gradient)
        parameters -= change
        if np.abs(change).max() < 1e-8:
            break
    return Calibration(float(parameters[0]), float(parameters[1]))


def fit_through_itself(same: np.ndarray, different: np.ndarray) -> Calibration:
    """The best curve among those that give a picture `ITSELF` with itself (cosine 1): one number is left to fit."""
    top = np.log(ITSELF / (1.0 - ITSELF))
    candidates = [
        Calibration(top / (1.0 - middle), -top * middle / (1.0 - middle)) for middle in np.arange(0, 0.95, 0.005)
    ]
    return min(candidates, key=lambda c: loss(c, same, different))
