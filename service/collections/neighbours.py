"""The most similar vectors: exact in small sets, in large ones among the nearest of their groups (an inverted file).

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

EXACT = 100_000
"""Vectors up to which every one is compared."""

GROUPS = 2048
PROBES = 24
"""Groups of a large set, and how many of them a search looks into."""

SAMPLE = 32
"""Vectors a group from which its centre is learned."""

ROUNDS = 6
CHUNK = 2**15


@dataclass(frozen=True)
class InvertedFile:
    """Vectors that can be searched. vectors: float32 [N, D], of length 1 for cosine, those of one group together.

    ids: int64 [N], of each. squares: float32 [N]. centres: float32 [G, D] and starts: int64 [G + 1], both empty where
    the search is exact.
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
    def of(
        cls, ids: NDArray[np.int64], vectors: Floats, metric: Metric, exact: int = EXACT, groups: int = GROUPS
    ) -> InvertedFile:
        """An index of vectors [N, D]; grouped by k-means with fixed seeds where there are more than `exact`."""
        rows = normalised(vectors) if metric == "cosine" else vectors
        starts = np.zeros(0, np.int64)
        centres = np.zeros((0, rows.shape[1]), np.float32)
        if len(rows) > exact:
            centres, group = _grouped(rows, groups)
            order = np.argsort(group, kind="stable")
            starts = np.searchsorted(group[order], np.arange(groups + 1))
            rows, ids = rows[order], ids[order]
        return cls(metric, rows, ids, np.einsum("nd,nd->n", rows, rows), centres, starts)

    def search(self, vector: Floats, k: int, probes: int = PROBES) -> tuple[NDArray[np.int64], Floats]:
        """The k nearest, nearest first: their ids [k] and distances [k]; fewer where there are fewer.

        l2 is the Euclidean distance; cosine is 1 - cos, 0 to 2. Of equally distant ones the lower id comes first.
        """
        query = normalised(vector[None])[0] if self.metric == "cosine" else vector.astype(np.float32)
        parts = self._candidates(query, probes)
        rough = np.concatenate([self.squares[part] - 2 * (self.vectors[part] @ query) for part in parts])
        rows = np.concatenate([np.arange(part.start, part.stop) for part in parts])
        few = min(len(rough), 4 * k)  # rounding may reorder the nearest, so more of them are compared again
        if few < len(rough):
            rows = rows[np.argpartition(rough, few - 1)[:few]]
        squared = ((self.vectors[rows] - query) ** 2).sum(1)
        ids = self.ids[rows]
        order = np.lexsort((ids, squared))[:k]
        return ids[order], np.sqrt(squared[order]) if self.metric == "l2" else squared[order] / 2

    def _candidates(self, query: Floats, probes: int) -> list[slice]:
        """Where the vectors to compare lie: all of them, or the groups whose centres are nearest."""
        if self.exact:
            return [slice(0, len(self.vectors))]
        away = np.einsum("gd,gd->g", self.centres, self.centres) - 2 * (self.centres @ query)
        chosen = np.argsort(away, kind="stable")[:probes]
        return [slice(int(self.starts[group]), int(self.starts[group + 1])) for group in chosen]


def normalised(vectors: Floats) -> Floats:
    """Vectors [N, D] of length 1; those without length stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def _grouped(vectors: Floats, groups: int) -> tuple[Floats, NDArray[np.int64]]:
    """Centres [G, D] and the group of every vector [N]."""
    random = np.random.default_rng(0)
    sample = vectors[np.sort(random.choice(len(vectors), min(len(vectors), groups * SAMPLE), replace=False))]
    centres = sample[random.choice(len(sample), groups, replace=False)].copy()
    for _ in range(ROUNDS):
        nearest = _nearest(sample, centres)
        sums = torch.zeros(centres.shape).index_add_(0, torch.from_numpy(nearest), torch.from_numpy(sample)).numpy()
        counts = np.bincount(nearest, minlength=groups)[:, None]
        centres = np.where(counts > 0, sums / np.maximum(counts, 1), centres).astype(np.float32)
    return centres, _nearest(vectors, centres)


def _nearest(vectors: Floats, centres: Floats) -> NDArray[np.int64]:
    turned, half = torch.from_numpy(centres).T, torch.from_numpy((centres**2).sum(1) / 2)
    parts = [
        (torch.from_numpy(vectors[start : start + CHUNK]) @ turned - half).argmax(1).numpy()
        for start in range(0, len(vectors), CHUNK)
    ]
    return np.concatenate(parts)
