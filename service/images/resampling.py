"""Resizing, with and without antialiasing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from service.images.frame import Interpolation
from service.images.geometry import PixelBox

RESAMPLING: dict[Interpolation, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
}
"""Pillow's filters, which widen with the factor of shrinking, except for nearest."""

Floats = npt.NDArray[np.float32]
Weights = Callable[[Floats], Floats]


def resize(
    picture: Image.Image,
    size: tuple[int, int],
    interpolation: Interpolation,
    antialias: bool,
    box: PixelBox | None = None,
) -> Image.Image:
    """A mode RGB picture, or a box of it, at width × height.

    box: within the picture; a wide filter reads a few pixels around it. antialias: whether the filter widens where the
    picture shrinks, as Pillow's do and torchvision's on PIL images; without it, as PyTorch's `interpolate` and OpenCV's
    `resize`, the two or four nearest pixels count alone.
    """
    if antialias or interpolation not in KERNELS:
        return picture.resize(size, RESAMPLING[interpolation], box=box)
    values = np.asarray(picture.crop(box) if box else picture)
    width, height = size
    rows = _along(values, height, interpolation)  # (height, w, 3)
    both = _along(rows.swapaxes(0, 1), width, interpolation).swapaxes(0, 1)  # (height, width, 3)
    return Image.fromarray(np.rint(both.clip(0, 255)).astype(np.uint8))


def _along(values: npt.NDArray[np.uint8] | Floats, count: int, interpolation: Interpolation) -> Floats:
    """[n, ...] at `count` places: each a sum of the pixels around it; pixels beyond the edge repeat the outermost."""
    reach, kernel = KERNELS[interpolation]
    places = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * np.float32(len(values) / count) - np.float32(0.5)
    if interpolation == "bilinear":
        places = places.clip(0)
    lowest = np.floor(places)
    share = (places - lowest)[:, None, None]
    found = np.zeros((count, *values.shape[1:]), np.float32)
    for step in range(1 - reach, reach + 1):
        pixels = values[(lowest.astype(int) + step).clip(0, len(values) - 1)]
        found += kernel(np.abs(share - step)) * pixels
    return found


def _linear(distance: Floats) -> Floats:
    return np.asarray(1 - distance, np.float32)


def _cubic(distance: Floats, a: float = -0.75) -> Floats:
    """Keys 1981, with PyTorch's and OpenCV's parameter."""
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, far).astype(np.float32)


KERNELS: dict[Interpolation, tuple[int, Weights]] = {"bilinear": (1, _linear), "bicubic": (2, _cubic)}
"""Interpolations that exist without antialiasing: (pixels on each side, weight by distance)."""
