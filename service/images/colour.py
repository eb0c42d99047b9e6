"""Every pixel layout of Pillow to 8-bit RGB, with a note for whatever is not a plain copy."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageChops, ImageCms
from PIL.JpegImagePlugin import JpegImageFile

from service.errors import UnsupportedImage
from service.images.depth import scale_grey

Notes = list[str]
Converter = Callable[[Image.Image, Notes], Image.Image]


def to_rgb(picture: Image.Image, notes: Notes) -> Image.Image:
    """Load the picture and convert it to mode RGB, in sRGB where an embedded colour profile allows.

    Raises UnsupportedImage for a layout without a converter, DamagedImage for numbers that are not finite.
    """
    picture.load()
    converter = CONVERTERS.get(picture.mode)
    if converter is None:
        raise UnsupportedImage(f"Pixels of the kind {picture.mode} are not read here; save the image as 8-bit RGB.")
    if "transparency" in picture.info and converter is not scale_grey:
        converter = _over_black
    return converter(picture, notes)


def _plain(picture: Image.Image, notes: Notes) -> Image.Image:
    """RGB, CMYK: through the embedded profile if there is one; grey, 1-bit, palette, YCbCr: as they are."""
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in PROFILED:
        try:
            return _to_srgb(picture, profile, notes)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            notes.append("The embedded colour profile cannot be used; colours are taken as sRGB.")
    if picture.mode == "CMYK":
        notes.append("CMYK converted to RGB.")
        if isinstance(picture, JpegImageFile) and "adobe" not in picture.info:
            notes.append("Its inks are taken as inverted, as Adobe writes them, though the file does not say so.")
    return _as_rgb(picture)


def _over_black(picture: Image.Image, notes: Notes) -> Image.Image:
    """What can be seen through becomes black, the surround of a fundus photograph."""
    if picture.mode == "La":  # Pillow's name for grey premultiplied by alpha
        picture = picture.convert("LA")
    layered = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    clear = ImageChops.invert(layered.getchannel("A"))
    opaque = layered.convert("RGB")
    opaque.info = {key: value for key, value in picture.info.items() if key == "icc_profile"}
    opaque = _plain(opaque, notes)
    if clear.getextrema() != (0, 0):
        notes.append("Transparent parts are laid over black.")
        opaque.paste((0, 0, 0), mask=clear)
    return opaque


def _as_rgb(picture: Image.Image) -> Image.Image:
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _to_srgb(picture: Image.Image, profile: bytes, notes: Notes) -> Image.Image:
    """Through the embedded ICC profile; one that calls itself sRGB changes nothing.

    About 14 ns a pixel, so little where JPEG draft mode has shrunk the picture first.
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    name = " ".join(ImageCms.getProfileDescription(source).split())[:80]
    if "srgb" in name.lower():
        return _as_rgb(picture)
    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    if converted is None:
        raise ValueError("the profile gave no picture")
    notes.append(f"Colours converted to sRGB from the embedded profile {name!r}.")
    return converted


PROFILED = ("RGB", "CMYK")

CONVERTERS: dict[str, Converter] = {
    "RGB": _plain,
    "RGBX": _plain,
    "L": _plain,
    "1": _plain,
    "P": _plain,
    "YCbCr": _plain,
    "CMYK": _plain,
    "RGBA": _over_black,
    "LA": _over_black,
    "La": _over_black,
    "PA": _over_black,
    "I;16": scale_grey,
    "I;16B": scale_grey,
    "I;16L": scale_grey,
    "I": scale_grey,
    "F": scale_grey,
}
"""Pillow's pixel mode -> what makes it RGB. Not here: LAB."""
