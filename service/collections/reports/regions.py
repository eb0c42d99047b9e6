"""Whether attention differs between two groups of images, cell by cell of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PERMUTATIONS = 1000
MAX_IMAGES = 2000
"""Of one comparison; larger groups are sampled."""


@dataclass(frozen=True)
class Comparison:
    """Two groups of images, none empty. values: [n, cells]. first: bool [n], which images are the first group."""

    values: Floats
    first: NDArray[np.bool_]


@dataclass(frozen=True)
class RankTests:
    """One row per comparison. Both arrays are [comparisons, cells].

    effect: Cliff's delta, −1 to 1: how much likelier an image of the first group has more there than one of the second
    than the other way round. p: adjusted for all cells of all comparisons together.
    """

    effect: Floats
    p: Floats


def compare(comparisons: Sequence[Comparison], seed: int = 0) -> RankTests:
    """Rank tests (Wilcoxon 1945) of every cell, two-sided, by permutation.

    The p of a cell is how often the largest statistic of all cells and comparisons is as large when images are assigned
    to the groups at random (maxT, Westfall & Young 1993): the chance of one false finding or more stays at or below
    alpha, however the cells depend on each other. The same seed gives the same answer.
    """
    from scipy.stats import rankdata  # noqa: PLC0415 - 36 MB that only reports need

    random = np.random.default_rng(seed)
    sampled = [_sample(one, random) for one in comparisons]
    observed, effects, largest = [], [], np.zeros(PERMUTATIONS)
    for one in sampled:
        ranks = rankdata(one.values, axis=0)
        observed.append(np.abs(_scores(ranks, one.first[None])[0]))
        effects.append(_cliffs_delta(ranks, one.first))
        permuted = random.permuted(np.tile(one.first, (PERMUTATIONS, 1)), axis=1)
        largest = np.maximum(largest, np.abs(_scores(ranks, permuted)).max(1))
    ordered, statistics = np.sort(largest), np.array(observed)
    as_large = PERMUTATIONS - np.searchsorted(ordered, statistics - 1e-9)
    return RankTests(np.array(effects), (1 + as_large) / (1 + PERMUTATIONS))


def _sample(comparison: Comparison, random: np.random.Generator) -> Comparison:
    """At most half of MAX_IMAGES of either group."""
    most = MAX_IMAGES // 2
    groups = [np.flatnonzero(comparison.first), np.flatnonzero(~comparison.first)]
    rows = np.concatenate([g if len(g) <= most else random.choice(g, most, replace=False) for g in groups])
    return Comparison(comparison.values[rows], comparison.first[rows])


def _scores(ranks: Floats, groups: NDArray[np.bool_]) -> Floats:
    """Standardised mean ranks of each group: ranks [n, cells], groups [g, n] of one size -> [g, cells]."""
    n, size = len(ranks), int(groups[0].sum())
    spread = ranks.std(0, ddof=1) * np.sqrt((1 - size / n) / size)
    difference = groups.astype(np.float64) @ ranks / size - (n + 1) / 2
    return np.asarray(np.divide(difference, spread, out=np.zeros_like(difference), where=spread > 0))


def _cliffs_delta(ranks: Floats, first: NDArray[np.bool_]) -> Floats:
    return np.asarray(2 * (ranks[first].mean(0) - ranks[~first].mean(0)) / len(ranks))
