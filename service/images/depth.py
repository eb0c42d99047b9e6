"""More than eight bits a channel to eight, scaled by the range the numbers use, never clipped.

A 16-bit file often holds 10, 12 or 14-bit numbers, which its own full range would turn almost black. White is therefore
the largest number of the smallest usual depth that holds the picture: 65535 for one that uses its 16 bits, 4095 for
12-bit numbers in a 16-bit file. Each such scaling is noted.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, TiffImagePlugin
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION as PHOTOMETRIC

from service.errors import DamagedImage

WHITES = (1.0, *(2.0**bits - 1 for bits in (8, 10, 12, 14, 16)))
"""The whites of the usual depths; 1 is for fractions only."""

ROWS = 256

SWAPPED = {
    f"{layout};16{order}": f"{layout};16{other}"
    for layout in ("RGB", "RGBA", "RGBX", "RGBa")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B" if sys.byteorder == "little" else "L"))
}
"""Pillow keeps the upper byte of these 16-bit layouts; read as the layout on the right, it keeps the lower one."""


def scale_grey(picture: Image.Image, notes: list[str]) -> Image.Image:
    """A loaded picture of one deep channel (modes I;16, I, F) as RGB; raises DamagedImage on NaN or infinity."""
    values = np.asarray(picture)
    transparent = picture.info.get("transparency")
    grey = _to_bytes(values, notes)
    if isinstance(picture, TiffImagePlugin.TiffImageFile) and picture.tag_v2.get(PHOTOMETRIC, 1) == 0:
        grey = 255 - grey  # white is zero; Pillow inverts only 8 bits and fewer
    if isinstance(transparent, int):
        notes.append("Transparent parts are laid over black.")
        grey = np.where(values == transparent, np.uint8(0), grey)
    return Image.fromarray(grey).convert("RGB")


def is_deep(picture: ImageFile.ImageFile) -> bool:
    """Whether a picture, not yet loaded, has several channels of 16 bits, of which Pillow would keep 8."""
    return bool(picture.tile) and all(_layout(tile) in SWAPPED for tile in picture.tile)


def scale_deep(picture: ImageFile.ImageFile, again: ImageFile.ImageFile, notes: list[str]) -> Image.Image:
    """Both bytes of every 16-bit channel: `picture` and `again` are the same file, opened twice and not yet loaded."""
    again.tile = [tile._replace(args=_swapped(tile.args)) for tile in again.tile]
    upper, lower = np.asarray(picture), np.asarray(again)  # each (h, w, 3 or 4)
    colour = upper[..., :3].astype(np.uint16) << 8 | lower[..., :3]
    rgb = _to_bytes(colour, notes)
    key = picture.info.get("transparency")
    if upper.shape[-1] == 4:
        alpha = upper[..., 3:]
    elif isinstance(key, tuple):
        alpha = np.where((colour == np.array(key)).all(-1, keepdims=True), np.uint8(0), np.uint8(255))
    else:
        return Image.fromarray(rgb)
    if int(alpha.min()) < 255:
        notes.append("Transparent parts are laid over black.")
        rgb = ((rgb * alpha.astype(np.uint16) + 127) // 255).astype(np.uint8)
    return Image.fromarray(rgb)


def _layout(tile: ImageFile._Tile) -> str:
    return str(tile.args[0] if isinstance(tile.args, tuple) and tile.args else tile.args)


def _swapped(arguments: tuple[Any, ...] | str | None) -> tuple[Any, ...] | str:
    if isinstance(arguments, tuple):
        return (SWAPPED[arguments[0]], *arguments[1:])
    return SWAPPED[str(arguments)]


def _to_bytes(values: npt.NDArray[np.generic], notes: list[str]) -> npt.NDArray[np.uint8]:
    """Numbers of any type and shape to uint8 of the same shape: black at 0, white as this module's docstring says.

    Negative numbers, or numbers above 65535, are scaled from their own least to their own greatest.
    """
    least, greatest = float(values.min()), float(values.max())
    if not np.isfinite(greatest - least):
        raise DamagedImage("The image holds numbers that are not finite (NaN or infinity).")
    whole = np.issubdtype(values.dtype, np.integer)
    white = next((w for w in WHITES[whole:] if greatest <= w), None)
    black = 0.0
    if white is None or least < 0:
        black, white = least, greatest
    notes.append(f"Numbers from {least:g} to {greatest:g} scaled to 8 bits: {black:g} is black, {white:g} is white.")
    factor = 255.0 / (white - black) if white > black else 0.0
    scaled = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), ROWS):  # a few rows at a time: doubles of a whole picture are many bytes
        scaled[top : top + ROWS] = np.rint((values[top : top + ROWS].astype(np.float64) - black) * factor)
    return scaled
