"""BMP, whose fourth byte is opacity only where it is somewhere used."""

from __future__ import annotations

import struct
from dataclasses import replace

from PIL import BmpImagePlugin

from service.errors import UnsupportedImage
from service.images.formats import pillow
from service.images.formats.stored import Source, Stored
from service.images.profiles import Profile

BEGINNING = b"BM"

COMPRESSIONS = {4: "JPEG", 5: "PNG", 11: "CMYK", 12: "CMYK RLE", 13: "CMYK RLE"}
"""Compressions that no file outside a printer has, by name."""

HEADER, V4, V5 = 14, 108, 124
CALIBRATED, EMBEDDED, LINKED = 0, b"DEBM", b"KNIL"
SPACE, ENDPOINTS, PROFILE_PLACE, PROFILE_SIZE = 56, 60, 112, 116
"""Places in the header of version 4 and 5: colour space, endpoints, and the profile's offset and size."""


def read(source: Source) -> Stored:
    data = source.data
    if len(data) >= 34 and (kind := int.from_bytes(data[30:34], "little")) in COMPRESSIONS:
        raise UnsupportedImage(
            f"This BMP is compressed as {COMPRESSIONS[kind]}, which is not read here; save it as PNG."
        )
    opened = pillow.open_picture("BMP", BmpImagePlugin.BmpImageFile, source)
    stored = pillow.load(opened, _profile(data, source.notes))
    if stored.alpha is not None and stored.alpha.getextrema() == (0, 0):
        return replace(stored, alpha=None)  # Windows writes zeros, and shows such a picture
    return stored


def _profile(data: bytes, notes: list[str]) -> Profile | None:
    """The profile of a header of version 4 or 5."""
    size = int.from_bytes(data[HEADER : HEADER + 4], "little")
    header = data[HEADER : HEADER + size]
    if size not in (V4, V5) or len(header) < size:
        return None
    space = header[SPACE : SPACE + 4]
    if space == EMBEDDED and size == V5:
        place, length = struct.unpack_from("<II", header, PROFILE_PLACE)
        return Profile(data[HEADER + place : HEADER + place + length])
    if space == LINKED:
        notes.append("The BMP names a colour profile in another file, which is not used; colours are taken as sRGB.")
    if int.from_bytes(space, "little") == CALIBRATED and any(header[ENDPOINTS : ENDPOINTS + 36]):
        notes.append("The BMP's own primaries are not used; colours are taken as sRGB.")
    return None
