"""AVIF: still pictures coded with AV1."""

from __future__ import annotations

from PIL import AvifImagePlugin

from service.images.formats import codepoints, isobmff, pillow
from service.images.formats.stored import Source, Stored

BRANDS = {b"avif", b"avis"}


def matches(data: bytes) -> bool:
    return bool(isobmff.brands(data) & BRANDS)


def read(source: Source) -> Stored:
    """Pillow gives the file's rotation and mirroring as an EXIF orientation, which replaces EXIF's own."""
    isobmff.check_sizes("AVIF", source)
    opened = pillow.open_picture("AVIF", AvifImagePlugin.AvifImageFile, source)
    opened.picture.info.pop("xmp", None)  # its orientation counts for nothing here
    points = isobmff.code_points(source.data)
    profile = codepoints.profile(*points, codepoints.SOURCE, source.notes) if points else None
    return pillow.load(opened, profile)
