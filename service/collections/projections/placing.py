"""A new image on a finished map, which stays as it is. From plain arrays: no fitted model is kept anywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from service.collections.projection import Coordinates, Projection

Doubles = NDArray[np.float64]

NEAREST = 25
"""Images whose points t-SNE starts a new one among."""

PERPLEXITY = 5.0
"""Of a new point: how many neighbours count, softly. As in openTSNE's `transform`, and so is `EXAGGERATION`."""

EXAGGERATION = 1.5
ROUNDING = 1e-3
"""Of distances: the same image seen alone and in a batch has not quite the same vector."""

ROUNDS = 64
"""Of bisection; each halves what is not known."""


def wanted(found: Projection) -> int:
    """How many of the nearest images `place` looks at."""
    return {"pca": 0, "tsne": NEAREST, "umap": int(found.facts.parameters.get("neighbors", 0))}[found.facts.method]


def place(
    found: Projection, vector: NDArray[np.float32], rows: NDArray[np.int64], distances: NDArray[np.float32]
) -> Doubles:
    """Where a vector [D] lies on a map, [d]. rows, distances: of the map's images nearest to it, nearest first."""
    if found.facts.method == "pca":
        return np.asarray((vector - found.basis["mean"]) @ found.basis["components"].T, np.float64)
    points, away = found.coordinates[rows].astype(np.float64), distances.astype(np.float64)
    return _tsne(found.coordinates, points, away) if found.facts.method == "tsne" else _umap(points, away)


def _tsne(everything: Coordinates, points: Doubles, away: Doubles) -> Doubles:
    """The point y that makes KL(p || q) least for fixed others: p Gaussian in feature space, q Student's t on the map.

    Poličar, Stražar & Zupan: Embedding to Reference t-SNE Space, 2021: from the median of its neighbours, with
    attraction exaggerated. q is summed over all points, without an approximation, and the least found by BFGS: SciPy's
    L-BFGS-B brings threads of its own, which fight with NumPy's.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  takes a sixth of a second

    p = gaussian(away[: int(3 * PERPLEXITY)], PERPLEXITY)
    near, everyone = points[: len(p)], np.ascontiguousarray(everything.T, np.float64)  # (d, N): numpy is slow along 2

    def cost(y: Doubles) -> tuple[float, Doubles]:
        to_near, to_all = y - near, y[:, None] - everyone
        w_near, w_all = 1 / (1 + (to_near**2).sum(1)), 1 / (1 + (to_all**2).sum(0))
        total = w_all.sum()
        value = -EXAGGERATION * (p @ np.log(w_near)) + np.log(total)
        gradient = 2 * (EXAGGERATION * (p * w_near) @ to_near - (to_all * w_all**2).sum(1) / total)
        return float(value), gradient

    return np.asarray(minimize(cost, np.median(points, 0), jac=True, method="BFGS").x, np.float64)


def _umap(points: Doubles, away: Doubles) -> Doubles:
    """The mean of the neighbours' points, weighted by UMAP's memberships exp(-d / σ), with Σ exp(-d / σ) = log2(k).

    It is where umap-learn's `transform` starts; the rounds that follow there are left out. An image that is on the map
    is put onto its own point.
    """
    if away[0] <= ROUNDING * away[-1]:
        return np.asarray(points[0], np.float64)
    target = np.log2(max(len(away), 2))
    sigma = bisect(lambda sigma: float(np.exp(-away / sigma).sum()) - target, float(away.max()))
    weights = np.exp(-(away - away[0]) / sigma)
    return np.asarray(weights @ points / weights.sum(), np.float64)


def gaussian(away: Doubles, perplexity: float) -> Doubles:
    """Probabilities [k], proportional to exp(-β d²), whose perplexity is as given; even where there are too few."""
    if len(away) <= perplexity or away[-1] == away[0]:
        return np.full(len(away), 1 / len(away))
    squares = away**2 - away[0] ** 2

    def surplus(width: float) -> float:
        p = np.exp(-squares / width)
        p /= p.sum()
        return float(-(p * np.log(np.maximum(p, 1e-300))).sum() - np.log(perplexity))

    p = np.exp(-squares / bisect(surplus, float(squares[-1])))
    return np.asarray(p / p.sum(), np.float64)


def bisect(rising: Callable[[float], float], about: float) -> float:
    """Where a rising function of a positive number crosses zero; its order of magnitude is known about."""
    low, high = about * 1e-6, about * 1e6
    for _ in range(ROUNDS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return high
