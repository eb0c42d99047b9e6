"""What a model's maps say over a set of images, as arrays; and where its attention lay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Place = Literal["field of view", "mask"]

LEAST_OUTSIDE = 0.02
"""A smaller share of the picture is no outside."""

OUTSIDE_CELL = 0.5
"""A cell lies outside where on average less than this share of it is anatomy."""


@dataclass(frozen=True)
class Evidence:
    """All images. labels, predicted: int [N], a label that is not known −1. maps: [N, K, h, w], raw and signed.

    field, mask: [N, h, w], share of every cell inside, 0 to 1; mask None where there is none. names: of the K classes.
    rivals: whether classes compete (softmax), so that only differences of their maps count.
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
        """[N, h, w], what has an outside: the field, or the mask where the field fills the picture."""
        fills = 1 - float(self.field.mean()) < LEAST_OUTSIDE
        return np.asarray(self.mask if fills and self.mask is not None else self.field, np.float64)

    @property
    def places(self) -> Iterator[tuple[Literal["field of view", "mask"], Floats]]:
        """What has an outside, by name: share of every cell outside, [N, cells]."""
        given: tuple[tuple[Literal["field of view", "mask"], NDArray[np.floating] | None], ...]
        given = (("field of view", self.field), ("mask", self.mask))
        for name, inside in given:
            if inside is not None and 1 - float(inside.mean()) >= LEAST_OUTSIDE:
                yield name, 1 - np.asarray(inside, np.float64).reshape(len(inside), -1)

    @property
    def outer(self) -> NDArray[np.bool_]:
        """bool [cells], which cells lie outside the anatomy."""
        return np.asarray(self.anatomy.mean(0).ravel() < OUTSIDE_CELL)


@dataclass(frozen=True)
class Attention:
    """values: [N, cells], each row summing to 1 or to nothing. seen: bool [N], which rows have any."""

    values: Floats
    seen: NDArray[np.bool_]


def attention(evidence: Evidence) -> Attention:
    said = evidence.maps[np.arange(len(evidence.predicted)), evidence.predicted]
    positive = np.maximum(np.asarray(said, np.float64), 0).reshape(len(said), -1)
    total = positive.sum(1, keepdims=True)
    return Attention(np.divide(positive, total, out=np.zeros_like(positive), where=total > 0), total[:, 0] > 0)
