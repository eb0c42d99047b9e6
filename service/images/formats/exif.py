"""What EXIF says of a picture: how it was held, and which colours it has."""

from __future__ import annotations

from PIL import ExifTags, Image

from service.images.icc import ADOBE, gamma, matrix_profile
from service.images.profiles import Profile

ORIENTATIONS = range(1, 9)
SRGB, ADOBE_RGB, UNCALIBRATED = 1, 2, 0xFFFF
"""Values of ColorSpace; 2 is no standard's, but some cameras write it."""

ADOBE_INDEX = "R03"
"""The interoperability index of the Design rule for Camera File system for Adobe RGB."""

ADOBE_GAMMA = 563 / 256


def orientation(exif: Image.Exif, notes: list[str]) -> int:
    """1 to 8; another value is noted and read as 1."""
    value = exif.get(ExifTags.Base.Orientation, 1)
    if value not in ORIENTATIONS:
        notes.append("The EXIF orientation is not one of 1 to 8, so none is applied.")
        return 1
    return int(value)


def profile(exif: Image.Exif, notes: list[str]) -> Profile | None:
    """Adobe RGB where EXIF says so; None for sRGB. A space without a definition is noted."""
    space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
    if space not in (ADOBE_RGB, UNCALIBRATED):
        return None
    index = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, "")
    if space == ADOBE_RGB or str(index).startswith(ADOBE_INDEX):
        return matrix_profile(gamma(ADOBE_GAMMA), "EXIF's colour space Adobe RGB (1998)", ADOBE)
    notes.append("EXIF says that the colours are not sRGB, but not what they are; they are taken as sRGB.")
    return None
