"""The most similar vectors: exact in small sets, among the nearest groups in large ones (an inverted file).

Jégou, Douze, Schmid: Product Quantization for Nearest Neighbor Search, PAMI 2011, section IV, without the quantization.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

Metric = Literal["cosine", "l2"]
Floats = NDArray[np.float32]

MAX_EXACT = 100_000
"""Number of vectors up to which a search compares all of them."""

GROUPS = 2048
PROBES = 24
"""Groups of a large set, and how many of them a search compares."""

SAMPLES_PER_GROUP = 32
"""Vectors from which the centre of a group is learned."""

ITERATIONS = 6
CHUNK = 2**15


@dataclass(frozen=True)
class InvertedFile:
    """Vectors that can be searched.

    vectors: float32 [N, D], of length 1 for cosine, those of one group together. ids: int64 [N]. squares: float32 [N],
    squared lengths. centres: float32 [G, D] and starts: int64 [G + 1], both empty where the search is exact.
    """

    metric: Metric
    vectors: Floats
    ids: NDArray[np.int64]
    squares: Floats
    centres: Floats
    starts: NDArray[np.int64]

    @property
    def exact(self) -> bool:
        """Whether a search compares all vectors."""
        return not len(self.centres)

    @classmethod
    def build(
        cls,
        ids: NDArray[np.int64],
        vectors: Floats,
        metric: Metric,
        max_exact: int = MAX_EXACT,
        groups: int = GROUPS,
    ) -> InvertedFile:
        """An index of vectors [N, D]; grouped by k-means with fixed seeds where there are more than `max_exact`."""
        rows = normalize(vectors) if metric == "cosine" else vectors
        starts = np.zeros(0, np.int64)
        centres = np.zeros((0, rows.shape[1]), np.float32)
        if len(rows) > max_exact:
            centres, assigned = _cluster(rows, groups)
            order = np.argsort(assigned, kind="stable")
            starts = np.searchsorted(assigned[order], np.arange(groups + 1))
            rows, ids = rows[order], ids[order]
        return cls(metric, rows, ids, np.einsum("nd,nd->n", rows, rows), centres, starts)

    def search(self, vector: Floats, k: int, probes: int = PROBES) -> tuple[NDArray[np.int64], Floats]:
        """The k nearest, nearest first: their ids [k] and distances [k]; fewer where there are fewer.

        l2 is the Euclidean distance; cosine is 1 - cos, 0 to 2. Of equally distant vectors the lower id comes first.
        """
        query = normalize(vector[None])[0] if self.metric == "cosine" else vector.astype(np.float32)
        slices = self._candidates(query, probes)
        approximate = np.concatenate([self.squares[part] - 2 * (self.vectors[part] @ query) for part in slices])
        rows = np.concatenate([np.arange(part.start, part.stop) for part in slices])
        count = min(len(approximate), 4 * k)  # rounding may reorder the nearest, so more are compared exactly
        if count < len(approximate):
            rows = rows[np.argpartition(approximate, count - 1)[:count]]
        squared = ((self.vectors[rows] - query) ** 2).sum(1)
        ids = self.ids[rows]
        order = np.lexsort((ids, squared))[:k]
        return ids[order], np.sqrt(squared[order]) if self.metric == "l2" else squared[order] / 2

    def _candidates(self, query: Floats, probes: int) -> list[slice]:
        """The rows to compare: all of them, or the groups with the nearest centres."""
        if self.exact:
            return [slice(0, len(self.vectors))]
        distances = np.einsum("gd,gd->g", self.centres, self.centres) - 2 * (self.centres @ query)
        nearest = np.argsort(distances, kind="stable")[:probes]
        return [slice(int(self.starts[group]), int(self.starts[group + 1])) for group in nearest]


def normalize(vectors: Floats) -> Floats:
    """Vectors [N, D] of length 1; zero vectors stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def _cluster(vectors: Floats, groups: int) -> tuple[Floats, NDArray[np.int64]]:
    """Centres [G, D] and the group of every vector [N], by k-means."""
    random = np.random.default_rng(0)
    count = min(len(vectors), groups * SAMPLES_PER_GROUP)
    sample = vectors[np.sort(random.choice(len(vectors), count, replace=False))]
    centres = sample[random.choice(len(sample), groups, replace=False)].copy()
    for _ in range(ITERATIONS):
        nearest = _assign(sample, centres)
        sums = torch.zeros(centres.shape).index_add_(0, torch.from_numpy(nearest), torch.from_numpy(sample)).numpy()
        counts = np.bincount(nearest, minlength=groups)[:, None]
        centres = np.where(counts > 0, sums / np.maximum(counts, 1), centres).astype(np.float32)
    return centres, _assign(vectors, centres)


def _assign(vectors: Floats, centres: Floats) -> NDArray[np.int64]:
    """The nearest centre of every vector, int64 [N]."""
    transposed, half_squares = torch.from_numpy(centres).T, torch.from_numpy((centres**2).sum(1) / 2)
    parts = [
        (torch.from_numpy(vectors[start : start + CHUNK]) @ transposed - half_squares).argmax(1).numpy()
        for start in range(0, len(vectors), CHUNK)
    ]
    return np.concatenate(parts)
