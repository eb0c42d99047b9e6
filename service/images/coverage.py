"""How much of what a model sees a mask covers."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from service.errors import BadParameter
from service.images.geometry import Geometry

Floats = npt.NDArray[np.float64]

HALF = 127
"""Brighter than this, of 255, counts as inside."""


def centres(geometry: Geometry) -> tuple[Floats, Floats]:
    """The centres of x's rows and of its columns, in pixels of the original."""
    left, top, right, bottom = geometry.region
    height, width = geometry.size
    down, across = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    return top + down * (bottom - top), left + across * (right - left)


def visible(geometry: Geometry) -> npt.NDArray[np.bool_]:
    """Which pixels of x show the original, and are not padding, bool [height, width]."""
    rows, columns = centres(geometry)
    return np.outer((rows >= 0) & (rows < geometry.height), (columns >= 0) & (columns < geometry.width))


def inside(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """What a mask's picture, uint8 [h, w, 3], marks: bool [h, w], where its brightest channel is above half."""
    red, green, blue = np.moveaxis(pixels, 2, 0)
    return np.asarray(np.maximum(np.maximum(red, green), blue) > HALF)


def coverage(mask: npt.NDArray[np.bool_], geometry: Geometry) -> npt.NDArray[np.float32]:
    """The share of each of x's pixels [rows, columns] that a mask of the upright original, [h, w], covers, 0 to 1.

    Raises BadParameter where the mask is not as large as the original, or marks nothing.
    """
    height, width = mask.shape
    if (width, height) != (geometry.width, geometry.height):
        raise BadParameter(
            f"it is {width} × {height} pixels and its image {geometry.width} × {geometry.height}, both turned upright"
            " as their EXIF says; send one of the image's size"
        )
    if not mask.any():
        raise BadParameter("it marks nothing: no pixel is above half of its range; mark the region in white on black")
    left, top, right, bottom = geometry.region
    across = _along(mask, left, right, geometry.size[1])
    return _along(across.T, top, bottom, geometry.size[0]).T.clip(0, 1)


def _along(
    values: npt.NDArray[np.bool_] | npt.NDArray[np.float32], low: float, high: float, count: int
) -> npt.NDArray[np.float32]:
    """[n, w] to [n, count]: the mean over each of `count` equal pieces of [low, high]; pieces may cut pixels.

    What lies beyond the values counts as 0.
    """
    found = np.zeros((len(values), count), np.float32)
    for number, (start, end) in enumerate(pairwise(np.linspace(low, high, count + 1))):
        pixels = np.arange(max(floor(start), 0), min(ceil(end), values.shape[1]))
        if not pixels.size:
            continue
        share = (np.minimum(end, pixels + 1) - np.maximum(start, pixels)) / (end - start)
        found[:, number] = values[:, pixels[0] : pixels[-1] + 1] @ share.astype(np.float32)
    return found
