"""Where a model looks, held against where the disease is drawn: the pointing game (Zhang 2016) on generated eyes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.explain.methods import METHODS
from service.images.picture import upsample
from service.models.classifier import Classifier
from service.models.scores import direction
from service.training.data import feature_maps
from service.training.render import FRAME, RENDERED, Recipe

GRID = 7
"""Cells along a side of the last spatial map; a hit may miss the disc by the width of one."""


@dataclass(frozen=True)
class Pointing:
    """hits of images: how often a map's maximum fell on the disc, dilated by one cell. empty: maps without one."""

    hits: int
    images: int
    empty: int

    @property
    def rate(self) -> float:
        """Hits of all images, 0 to 1; an empty map is a miss."""
        return self.hits / self.images if self.images else 0.0


def pointing(classifier: Classifier, recipe: Recipe, label: str, method: str = "gradcam") -> Pointing:
    """Where the maximum of a method's map for `label` falls, over a recipe's images of that label."""
    index = classifier.entry.labels.index(label)
    target = direction(index, classifier.entry)[None]
    head = classifier.head(classifier.cut)
    hits = images = empty = 0
    for seed in range(recipe.first, recipe.first + recipe.count):
        photograph = recipe.photograph(seed)
        if photograph.label != label:
            continue
        x, geometry = FRAME.apply(photograph.pixels, RENDERED, RENDERED)
        A = feature_maps(classifier, x[None])
        grid = METHODS[method].function(A, head, target)[0].numpy()
        images += 1
        if grid.max() <= 0:
            empty += 1
            continue
        rows, columns = np.nonzero(photograph.masks["disc"])
        disc = np.array([geometry.to_model(c + 0.5, r + 0.5) for r, c in zip(rows, columns, strict=True)])
        hits += _near(peak(grid, geometry.size), disc, geometry.size[0] / GRID)
    return Pointing(hits, images, empty)


def peak(grid: NDArray[np.float32], size: tuple[int, int]) -> tuple[float, float]:
    """The centre (x, y) of the brightest pixel of a map enlarged to this height and width."""
    row, column = divmod(int(upsample(grid, size).argmax()), size[1])
    return column + 0.5, row + 0.5


def _near(point: tuple[float, float], disc: NDArray[np.float64], reach: float) -> bool:
    return bool(len(disc) and np.abs(disc - point).max(1).min() <= reach)
