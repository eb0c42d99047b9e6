"""Colour profiles: what a file says of its colours, and the conversion to sRGB with LittleCMS."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Bytes = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.uint16]

EXACT = ImageCms.Flags.NOOPTIMIZE
SAME = 2
"""A profile that moves no colour of a lattice by more 8-bit levels than this is sRGB."""

PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
SPACES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}
"""ICC colour space -> Pillow's mode."""

DEEPEST = 65535


@dataclass(frozen=True)
class Profile:
    """A colour profile. icc: an ICC file. source: where it comes from, as notes call it."""

    icc: bytes = field(repr=False)
    source: str = "the embedded profile"

    @property
    def title(self) -> str:
        """Its source and, of an embedded one, its name; for notes. Raises PROFILE_ERRORS."""
        if self.source != "the embedded profile":
            return self.source
        name = " ".join(ImageCms.getProfileDescription(_opened(self.icc)).split())[:80]
        return f"{self.source} {name!r}"

    @property
    def mode(self) -> str:
        """Pillow's mode of the colours it describes; raises ValueError for other spaces, and PROFILE_ERRORS."""
        space = _opened(self.icc).profile.xcolor_space
        if space not in SPACES:
            raise ValueError(f"a profile for {space.strip()} colours")
        return SPACES[space]

    @property
    def is_srgb(self) -> bool:
        """Whether it leaves every colour as it is, within `SAME` levels. Raises PROFILE_ERRORS."""
        return self.mode != "CMYK" and _is_srgb(self.icc, self.mode)

    def convert(self, picture: Image.Image) -> Image.Image:
        """A picture of mode L, RGB or CMYK to RGB in sRGB; grey goes through an RGB profile as equal channels.

        Raises PROFILE_ERRORS, ValueError where the profile is for another kind of colours.
        """
        if picture.mode == "L":
            table = grey_table(self.icc, self.mode, 256)
            return Image.fromarray(table[np.asarray(picture)])
        if picture.mode != self.mode:
            raise ValueError(f"a profile for {self.mode} colours")
        return _applied(picture, self.icc, picture.mode, 0)

    def convert_deep(self, levels: Levels) -> Bytes:
        """Colours uint16 [h, w, 1 or 3], white at 65535, to sRGB, uint8 [h, w, 3]. Raises as `convert`."""
        if levels.shape[2] == 1:
            return grey_table(self.icc, self.mode, DEEPEST + 1)[levels[..., 0]]
        if self.mode != "RGB":
            raise ValueError(f"a profile for {self.mode} colours")
        return _interpolated(levels, lambda corner: np.asarray(self.convert(Image.fromarray(corner))))


def grey_table(icc: bytes, mode: str, levels: int) -> Bytes:
    """sRGB, uint8 [levels, 3], of 256 or 65536 evenly spaced greys, black first. Raises PROFILE_ERRORS."""
    if mode == "L":
        kind, number = ("L", np.uint8) if levels == 256 else ("I;16", np.uint16)
        ramp = Image.fromarray(np.arange(levels, dtype=number)[None])
        return cast(Bytes, np.asarray(_applied(ramp, icc, kind, EXACT))[0])
    if mode != "RGB":
        raise ValueError(f"a profile for {mode} colours")
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, 2))
    table = np.asarray(_applied(ramp, icc, "RGB", EXACT))[0]
    places = np.linspace(0, 255, levels)
    return np.rint([np.interp(places, np.arange(256), channel) for channel in table.T]).T.astype(np.uint8)


def _interpolated(levels: Levels, convert: Callable[[Bytes], Bytes]) -> Bytes:
    """A conversion of 8-bit colours at 16-bit ones: trilinear between the eight neighbours.

    LittleCMS by way of Pillow takes no more than 8 bits of each of three channels.
    """
    lower = (levels // 257).astype(np.uint8)
    share = (levels % 257).astype(np.float32) / 257
    upper = np.minimum(lower, 254) + np.uint8(1)
    found = np.zeros(levels.shape, np.float32)
    for corner in np.ndindex(2, 2, 2):
        chosen = np.array(corner, bool)
        weight = np.where(chosen, share, 1 - share).prod(axis=2, keepdims=True)
        found += weight * convert(np.where(chosen, upper, lower))
    return np.rint(found).astype(np.uint8)


@lru_cache(maxsize=8)
def _is_srgb(icc: bytes, mode: str) -> bool:
    if mode == "L":
        colours = np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1)
        found = grey_table(icc, mode, 256)
    else:
        lattice = np.stack(np.meshgrid(*[np.linspace(0, 255, 9)] * 3), -1).reshape(1, -1, 3).astype(np.uint8)
        colours, found = lattice[0], np.asarray(_applied(Image.fromarray(lattice), icc, mode, EXACT))[0]
    return int(np.abs(found.astype(int) - colours).max()) <= SAME


def _applied(picture: Image.Image, icc: bytes, mode: str, flags: int) -> Image.Image:
    """Into a new picture, mode RGB, in sRGB. About 30 ns a pixel, 180 with EXACT."""
    srgb = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(_opened(icc), srgb, mode, "RGB", flags=ImageCms.Flags(flags))
    converted = ImageCms.applyTransform(picture, transform)
    if converted is None:
        raise ValueError("the profile gave no picture")
    return converted


def _opened(icc: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc))
