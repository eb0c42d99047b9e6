"""Boxes around the regions of a map: weakly supervised localisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MAX_BOXES = 5
"""Boxes returned at most; further components are specks."""


@dataclass(frozen=True)
class Box:
    """left, top, right, bottom: pixel edges of the map. score: share of the map's positive mass inside, 0 to 1."""

    left: int
    top: int
    right: int
    bottom: int
    score: float


def boxes(heat: NDArray[np.float32], threshold: float, shown: NDArray[np.bool_] | None = None) -> tuple[Box, ...]:
    """Boxes of the connected components above `threshold` (a fraction of the maximum), the largest component first.

    heat: float32 [h, w]; negative values count as 0. A map without positive values has no box. shown: bool [h, w],
    where boxes may lie, None for everywhere; maximum and scores are those of the whole map. The localisation tables of
    Zhou 2016 and Selvaraju 2017 use the first box only.
    """
    heat = np.maximum(heat, 0)
    peak = heat.max(initial=0.0)
    if not peak > 0:
        return ()
    above = heat >= threshold * peak
    labels, count = ndimage.label(above if shown is None else above & shown, structure=np.ones((3, 3)))
    numbers = np.arange(1, count + 1)
    area = ndimage.sum_labels(np.ones_like(heat), labels, numbers)
    mass = np.minimum(ndimage.sum_labels(heat, labels, numbers) / heat.sum(dtype=np.float64), 1.0)
    slices = ndimage.find_objects(labels)
    order = sorted(range(count), key=lambda i: (-area[i], -mass[i]))[:MAX_BOXES]
    return tuple(
        Box(slices[i][1].start, slices[i][0].start, slices[i][1].stop, slices[i][0].stop, float(mass[i])) for i in order
    )


def intersection_over_union(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom), 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inside = max(0.0, width) * max(0.0, height)
    total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside
    return inside / total if total > 0 else 0.0
