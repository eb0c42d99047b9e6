"""Smooth random fields, drawn on a coarse grid and enlarged: their look does not depend on the picture's size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]


def enlarge(grid: NDArray[Any], size: int) -> Field:
    """Enlarge a coarse field with a bicubic kernel.

    `grid` is [h, w] of any range; the result is float32 [size, size] of about the same range.
    """
    picture = Image.fromarray(np.ascontiguousarray(grid, dtype=np.float32))
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)


def clouds(rng: np.random.Generator, cells: int, size: int, aspect: float = 1.0) -> Field:
    """Unit-variance smooth noise, float32 [size, size], with about `cells` bumps across (`cells * aspect` down)."""
    grid = rng.standard_normal((max(2, round(cells * aspect)), max(2, cells)), dtype=np.float32)
    return enlarge(grid, size)


def soft_step(distance: Field, softness: float) -> Field:
    """1 where `distance` is far below zero, 0 far above; the logistic slope has the scale `softness` (same unit)."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(distance / softness, -30.0, 30.0))), dtype=np.float32)


def bell(distance: Field, width: float) -> Field:
    """A Gaussian of standard deviation `width`, 1 at `distance` 0."""
    return np.asarray(np.exp(-0.5 * np.square(distance / np.float32(width))), dtype=np.float32)
