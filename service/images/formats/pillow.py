"""What all formats that Pillow reads have in common."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageCms, ImageFile

from service.images.formats import exif
from service.images.formats.pixels import layers
from service.images.formats.stored import Source, Stored
from service.images.profiles import Profile

Opener = Callable[[io.BytesIO], ImageFile.ImageFile]

PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, AttributeError,
    AssertionError, RuntimeError, struct.error, zlib.error, ImageCms.PyCMSError,
)  # fmt: skip
"""What Pillow raises on damaged files."""


@dataclass(frozen=True)
class Opened:
    """A file whose header was read, and whose size is within the limits. size: as stored, before any shrinking."""

    name: str
    opener: Opener
    source: Source
    picture: ImageFile.ImageFile
    size: tuple[int, int]

    def again(self) -> ImageFile.ImageFile:
        return self.opener(io.BytesIO(self.source.data))


def open_picture(name: str, opener: Opener, source: Source) -> Opened:
    """Read the header only. Raises TooLarge, DamagedImage, PILLOW_ERRORS."""
    picture = opener(io.BytesIO(source.data))
    source.limits.check_pixels(name, *picture.size)
    return Opened(name, opener, source, picture, picture.size)


def load(opened: Opened, profile: Profile | None = None, inverted: bool = False, one_picture: bool = False) -> Stored:
    """Read the pixels. profile: what the format itself declares, where no ICC profile is embedded.

    inverted: whether zero is white in numbers of more than 8 bits; Pillow inverts 8 bits and fewer itself.
    one_picture: whether further pictures in the file are none of interest, or noted already.
    """
    picture, notes = opened.picture, opened.source.notes
    colour, alpha, premultiplied = layers(picture, opened.again)
    turn, exif_profile = _exif(picture, notes, bool(profile) or "icc_profile" in picture.info)
    profile = _embedded(picture, notes) or profile or exif_profile
    if not one_picture and _has_more(picture):
        notes.append(f"This {opened.name} holds more than one picture; only the first is used.")
    inverted = inverted and not isinstance(colour, Image.Image)
    return Stored(colour, opened.size, alpha, premultiplied, inverted, turn, profile)


def _embedded(picture: ImageFile.ImageFile, notes: list[str]) -> Profile | None:
    if "icc_profile" not in picture.info:
        return None
    icc = picture.info["icc_profile"]
    if not icc:
        notes.append("The embedded colour profile is incomplete and not used; colours are taken as sRGB.")
        return None
    return Profile(bytes(icc))


def _exif(picture: ImageFile.ImageFile, notes: list[str], has_profile: bool) -> tuple[int, Profile | None]:
    """Orientation, and colours where there is no other profile; Pillow turns TIFF upright itself and then says 1."""
    try:
        found = picture.getexif()
        return exif.orientation(found, notes), None if has_profile else exif.profile(found, notes)
    except PILLOW_ERRORS:
        notes.append("The EXIF block cannot be read, so no orientation is applied.")
        return 1, None


def _has_more(picture: ImageFile.ImageFile) -> bool:
    try:
        return bool(getattr(picture, "is_animated", False))
    except PILLOW_ERRORS:  # damage behind the first frame does not touch it
        return True
