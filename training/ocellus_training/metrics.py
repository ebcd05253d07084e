"""Retrieval measures. Vectors are normalised rows; every function is exact and has no randomness of its own."""

from __future__ import annotations

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (unit(a) * unit(b)).sum(-1)


def spread(values: np.ndarray) -> tuple[float, float]:
    """Mean and least."""
    return float(values.mean()), float(values.min())


def average_precision(relevant: np.ndarray) -> np.ndarray:
    """Per row of a boolean matrix whose columns are in ranked order."""
    hits = np.cumsum(relevant, 1)
    ranks = np.arange(1, relevant.shape[1] + 1)
    return ((hits / ranks) * relevant).sum(1) / np.maximum(relevant.sum(1), 1)


def words_to_pictures(
    pictures: np.ndarray, labels: np.ndarray, queries: np.ndarray, query_labels: np.ndarray
) -> dict[str, float]:
    """A query succeeds at k if one of the first k pictures has its label. `map_se` is the standard error of `map`, by queries."""
    order = np.argsort(-(queries @ pictures.T), 1, kind="stable")
    relevant = labels[order] == query_labels[:, None]
    precisions = average_precision(relevant)
    return {
        "queries": float(len(queries)),
        "pictures": float(len(pictures)),
        "r1": float(relevant[:, 0].mean()),
        "r10": float(relevant[:, :10].any(1).mean()),
        "p10": float(relevant[:, :10].mean()),
        "map": float(precisions.mean()),
        "map_se": float(precisions.std() / len(precisions) ** 0.5),
    }


def ranks_of_own(pictures: np.ndarray, captions: np.ndarray, own: np.ndarray) -> np.ndarray:
    """For each caption: how many pictures are closer than its own one (ties count against it)."""
    scores = captions @ pictures.T
    target = scores[np.arange(len(own)), own]
    return (scores >= target[:, None]).sum(1) - 1


def recalls(ranks: np.ndarray) -> dict[str, float]:
    return {f"r{k}": float((ranks < k).mean()) for k in (1, 5, 10)}


def pictures_to_pictures(vectors: np.ndarray, labels: np.ndarray, most: int = 1000) -> float:
    """Mean average precision of same-label pictures, leave one out, over at most `most` query pictures."""
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(counts[codes] > 1)
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    precisions = []
    for start in range(0, len(rows), 256):
        chunk = rows[start : start + 256]
        scores = vectors[chunk] @ vectors.T
        scores[np.arange(len(chunk)), chunk] = -np.inf
        order = np.argsort(-scores, 1, kind="stable")[:, :-1]
        precisions.append(average_precision(codes[order] == codes[chunk][:, None]))
    return float(np.concatenate(precisions).mean())
