"""The place of a new image on a finished projection, from plain arrays: no fitted model is stored."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from service.collections.projection import Coordinates, Projection

Doubles = NDArray[np.float64]

NEIGHBORS = 25
"""Images from whose points t-SNE places a new one."""

PERPLEXITY = 5.0
"""Effective number of neighbours of a new point; this and `EXAGGERATION` are those of openTSNE's `transform`."""

EXAGGERATION = 1.5
SAME_IMAGE = 1e-3
"""Relative distance below which an image is the same: computed in another batch, its vector differs a little."""

BISECTIONS = 64


def neighbors_needed(projection: Projection) -> int:
    """How many of the nearest images `place` needs."""
    facts = projection.facts
    return {"pca": 0, "tsne": NEIGHBORS, "umap": int(facts.parameters.get("neighbors", 0))}[facts.method]


def place(
    projection: Projection, vector: NDArray[np.float32], rows: NDArray[np.int64], distances: NDArray[np.float32]
) -> Doubles:
    """The coordinates [d] of a vector [D]. rows, distances: of the projection's nearest images, nearest first."""
    method, basis = projection.facts.method, projection.basis
    if method == "pca":
        return np.asarray((vector - basis["mean"]) @ basis["components"].T, np.float64)
    points, distances64 = projection.coordinates[rows].astype(np.float64), distances.astype(np.float64)
    return _tsne(projection.coordinates, points, distances64) if method == "tsne" else _umap(points, distances64)


def _tsne(coordinates: Coordinates, points: Doubles, distances: Doubles) -> Doubles:
    """The point y that minimises KL(p || q) for fixed others: p Gaussian in feature space, q Student's t of points.

    Poličar, Stražar & Zupan: Embedding to Reference t-SNE Space, 2021: it starts at the median of its neighbours, with
    exaggerated attraction. q is summed over all points, without an approximation, and minimised by BFGS: SciPy's
    L-BFGS-B starts threads of its own, which compete with NumPy's.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  takes a sixth of a second

    p = gaussian(distances[: int(3 * PERPLEXITY)], PERPLEXITY)
    near, others = points[: len(p)], np.ascontiguousarray(coordinates.T, np.float64)  # (d, N): numpy is slow along 2

    def cost(y: Doubles) -> tuple[float, Doubles]:
        to_near, to_all = y - near, y[:, None] - others
        w_near, w_all = 1 / (1 + (to_near**2).sum(1)), 1 / (1 + (to_all**2).sum(0))
        total = w_all.sum()
        value = -EXAGGERATION * (p @ np.log(w_near)) + np.log(total)
        gradient = 2 * (EXAGGERATION * (p * w_near) @ to_near - (to_all * w_all**2).sum(1) / total)
        return float(value), gradient

    return np.asarray(minimize(cost, np.median(points, 0), jac=True, method="BFGS").x, np.float64)


def _umap(points: Doubles, distances: Doubles) -> Doubles:
    """The mean of the neighbours' points, weighted by UMAP's memberships exp(-d / σ), with Σ exp(-d / σ) = log2(k).

    This is where umap-learn's `transform` starts; the iterations that follow there are left out. An image that is part
    of the projection is placed on its own point.
    """
    if distances[0] <= SAME_IMAGE * distances[-1]:
        return np.asarray(points[0], np.float64)
    target = np.log2(max(len(distances), 2))
    sigma = bisect(lambda sigma: float(np.exp(-distances / sigma).sum()) - target, float(distances.max()))
    weights = np.exp(-(distances - distances[0]) / sigma)
    return np.asarray(weights @ points / weights.sum(), np.float64)


def gaussian(distances: Doubles, perplexity: float) -> Doubles:
    """Probabilities [k], proportional to exp(-β d²), with the given perplexity; uniform where there are too few."""
    if len(distances) <= perplexity or distances[-1] == distances[0]:
        return np.full(len(distances), 1 / len(distances))
    squares = distances**2 - distances[0] ** 2

    def surplus(width: float) -> float:
        p = np.exp(-squares / width)
        p /= p.sum()
        return float(-(p * np.log(np.maximum(p, 1e-300))).sum() - np.log(perplexity))

    p = np.exp(-squares / bisect(surplus, float(squares[-1])))
    return np.asarray(p / p.sum(), np.float64)


def bisect(increasing: Callable[[float], float], estimate: float) -> float:
    """The zero of an increasing function, within a factor of 1e6 of an estimate; both are positive."""
    low, high = estimate * 1e-6, estimate * 1e6
    for _ in range(BISECTIONS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if increasing(middle) < 0 else (low, middle)
    return high
