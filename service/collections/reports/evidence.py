"""A model's maps over a set of images, as arrays; and how its attention is distributed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RegionName = Literal["field of view", "mask"]

MIN_OUTSIDE = 0.02
"""Share of the picture outside a region below which the region is taken to fill the picture."""

OUTSIDE_CELL = 0.5
"""A cell lies outside where on average less than this share of it is anatomy."""


@dataclass(frozen=True)
class Evidence:
    """All images of a set.

    labels, predicted: int [N]; an unknown label is −1. maps: [N, K, h, w], raw and signed. field, mask: [N, h, w], the
    share of every cell inside, 0 to 1; mask None where there is none. names: of the K classes. rivals: whether classes
    compete (softmax), so that only differences of their maps count.
    """

    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    maps: NDArray[np.floating]
    field: NDArray[np.floating]
    mask: NDArray[np.floating] | None
    names: tuple[str, ...]
    rivals: bool = True

    @property
    def anatomy(self) -> Floats:
        """[N, h, w], the share of every cell inside the anatomy: the field, or the mask where the field fills it."""
        fills = 1 - float(self.field.mean()) < MIN_OUTSIDE
        return np.asarray(self.mask if fills and self.mask is not None else self.field, np.float64)

    @property
    def outsides(self) -> Iterator[tuple[RegionName, Floats]]:
        """Each region that does not fill the picture: its name, and the share of every cell outside it [N, cells]."""
        regions: tuple[tuple[RegionName, NDArray[np.floating] | None], ...]
        regions = (("field of view", self.field), ("mask", self.mask))
        for name, inside in regions:
            if inside is not None and 1 - float(inside.mean()) >= MIN_OUTSIDE:
                yield name, 1 - np.asarray(inside, np.float64).reshape(len(inside), -1)

    @property
    def outer_cells(self) -> NDArray[np.bool_]:
        """bool [cells], which cells lie outside the anatomy."""
        return np.asarray(self.anatomy.mean(0).ravel() < OUTSIDE_CELL)


@dataclass(frozen=True)
class Attention:
    """values: [N, cells], each row sums to 1 or is zero. exists: bool [N], which rows are not zero."""

    values: Floats
    exists: NDArray[np.bool_]


def attention(evidence: Evidence) -> Attention:
    """The positive part of the predicted class's map, scaled to sum to 1."""
    maps = evidence.maps[np.arange(len(evidence.predicted)), evidence.predicted]
    positive = np.maximum(np.asarray(maps, np.float64), 0).reshape(len(maps), -1)
    total = positive.sum(1, keepdims=True)
    return Attention(np.divide(positive, total, out=np.zeros_like(positive), where=total > 0), total[:, 0] > 0)
