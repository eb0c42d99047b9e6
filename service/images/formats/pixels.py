"""From a picture that Pillow has opened to its colours and its opacity, with every bit that the file holds."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from service.errors import UnsupportedImage
from service.images.formats.stored import Samples

NATIVE = "L" if sys.byteorder == "little" else "B"
OTHER = {"L": "B", "B": "L"}

SIXTEEN_BITS = {
    f"{layout};16{order}": (f"{layout.upper()};16{order}", f"{layout.upper()};16{OTHER.get(order, OTHER[NATIVE])}")
    for layout in ("RGB", "RGBA", "RGBX", "RGBa")
    for order in "BLN"
}
"""Pillow keeps the upper byte of these 16-bit layouts: (what reads the upper byte as it is, what reads the lower)."""

GREY_ALPHA_16 = "LA;16B"
"""Grey and opacity of 16 bits each, of which Pillow keeps 8 bits as RGBA; read as RGBA, it keeps all four bytes."""

PREMULTIPLIED = "RGBa"
"""Colours multiplied by their opacity, which Pillow would divide by it; read as RGBA, they stay as they are."""

NUMBERS = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
VIVID = ("P", "YCbCr", "RGBX", "HSV")
"""Modes of 8-bit colours that become RGB without a choice."""

Layers = tuple[Image.Image | Samples, Image.Image | None, bool]
"""Colour, opacity, and whether colours are multiplied by it; see `Stored`."""


def layers(picture: ImageFile.ImageFile, again: Callable[[], ImageFile.ImageFile]) -> Layers:
    """Load the picture. again: opens the same file a second time.

    Raises UnsupportedImage for a mode that is not read.
    """
    raw = {_raw_mode(tile) for tile in picture.tile}
    if raw == {PREMULTIPLIED}:
        picture.tile = [tile._replace(args=_as(tile.args, "RGBA")) for tile in picture.tile]
        return *unpacked(picture), True
    if raw and raw <= SIXTEEN_BITS.keys():
        return _sixteen_bits(picture, again())
    if raw == {GREY_ALPHA_16}:
        return _grey_alpha(picture)
    picture.load()
    if picture.mode in NUMBERS:
        values = np.asarray(picture)[..., None]
        key = picture.info.get("transparency")
        return values, _opaque(values[..., 0] != key) if isinstance(key, int) else None, False
    return _eight_bits(picture)


def _eight_bits(picture: Image.Image) -> Layers:
    if picture.mode in ("RGBa", "La"):
        return *unpacked(picture), True
    if picture.has_transparency_data:
        layered = picture.convert("LA" if picture.mode in ("L", "LA", "1") else "RGBA")
        return *unpacked(layered), False
    if picture.mode in ("L", "RGB", "CMYK"):
        return picture, None, False
    if picture.mode == "1" or picture.mode in VIVID:
        return picture.convert("L" if picture.mode == "1" else "RGB"), None, False
    raise UnsupportedImage(f"Pixels of the kind {picture.mode} are not read here; save the image as 8-bit RGB.")


def unpacked(layered: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Colours and opacity of a picture of mode LA, La, RGBA or RGBa, both as they are stored."""
    *colour, alpha = layered.split()
    return (colour[0] if len(colour) == 1 else Image.merge("RGB", colour)), alpha


def _sixteen_bits(picture: ImageFile.ImageFile, again: ImageFile.ImageFile) -> Layers:
    """Both bytes of every channel of RGB or RGBA."""
    premultiplied = "RGBa" in _raw_mode(picture.tile[0])
    for number, opened in enumerate((picture, again)):
        opened.tile = [
            tile._replace(args=_as(tile.args, SIXTEEN_BITS[_raw_mode(tile)][number])) for tile in opened.tile
        ]
    upper, lower = np.asarray(picture), np.asarray(again)  # each (h, w, 3 or 4)
    colour = upper[..., :3].astype(np.uint16) << 8 | lower[..., :3]
    key = picture.info.get("transparency")
    if upper.shape[2] == 4:
        return colour, Image.fromarray(upper[..., 3]), premultiplied
    return colour, _opaque((colour != np.array(key)).any(-1)) if isinstance(key, tuple) else None, False


def _grey_alpha(picture: ImageFile.ImageFile) -> Layers:
    picture.tile = [tile._replace(args=_as(tile.args, "RGBA")) for tile in picture.tile]
    whole = np.asarray(picture)  # (h, w, 4): upper and lower byte of grey, then of opacity
    return (whole[..., :1].astype(np.uint16) << 8 | whole[..., 1:2]), Image.fromarray(whole[..., 2]), False


def _opaque(where: npt.NDArray[np.bool_]) -> Image.Image:
    return Image.fromarray(np.where(where, np.uint8(255), np.uint8(0)))


def _raw_mode(tile: ImageFile._Tile) -> str:
    return str(tile.args[0] if isinstance(tile.args, tuple) and tile.args else tile.args)


def _as(arguments: tuple[object, ...] | str | None, raw_mode: str) -> tuple[object, ...] | str:
    """A tile's arguments with another raw mode."""
    return (raw_mode, *arguments[1:]) if isinstance(arguments, tuple) else raw_mode
