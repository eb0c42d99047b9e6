"""What a file holds, before its colours are converted and it is turned upright."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image

from service.errors import DamagedImage, TooLarge
from service.images.profiles import Profile

Samples = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Limits:
    """The largest image accepted: size of the file in bytes, and width × height in pixels."""

    bytes: int = 32 * 2**20
    pixels: int = 64_000_000

    def check_pixels(self, name: str, width: int, height: int) -> None:
        """Raises TooLarge, or DamagedImage for a size that no picture has."""
        if width <= 0 or height <= 0:
            raise DamagedImage(f"The {name} says it is {width} × {height} pixels large.")
        if width * height > self.pixels:
            raise TooLarge(f"The image has {width} × {height} pixels; at most {self.pixels} in all are accepted.")


@dataclass(frozen=True)
class Stored:
    """A loaded picture as it is stored.

    colour: a picture of mode L, RGB or CMYK, or deeper numbers [height, width, 1 or 3] of any integer or float type.
    size: width and height as stored, pixels; larger than colour where the decoder was allowed to shrink.
    alpha: opacity, mode L; None for an opaque picture. premultiplied: whether colours are multiplied by it already.
    inverted: whether zero is white. orientation: EXIF's, 1 to 8. profile: None for sRGB.
    """

    colour: Image.Image | Samples
    size: tuple[int, int]
    alpha: Image.Image | None = None
    premultiplied: bool = False
    inverted: bool = False
    orientation: int = 1
    profile: Profile | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Source:
    """A file to read. at_least: the smallest side wanted, pixels, None for full size; notes: a reader adds to them."""

    data: bytes = field(repr=False)
    limits: Limits = Limits()
    at_least: int | None = None
    notes: list[str] = field(default_factory=list)


Reader = Callable[[Source], Stored]
"""Reads one format. Raises RequestError, or what its decoder raises."""
