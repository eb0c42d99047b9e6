"""PNG, with every checksum verified."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from PIL import PngImagePlugin

from service.images.formats import codepoints, pillow
from service.images.formats.stored import Source, Stored
from service.images.icc import D65, SRGB, Point, gamma, matrix_profile, srgb_curve
from service.images.profiles import Profile

BEGINNING = b"\x89PNG\r\n\x1a\n"

SRGB_GAMMA, NEAR = 0.45455, 0.005
"""The gAMA of sRGB, which stands for its curve, and how close to it, and to its primaries, counts as the same."""


def read(source: Source) -> Stored:
    opened = pillow.open_picture("PNG", PngImagePlugin.PngImageFile, source)
    opened.again().verify()  # decoding alone skips the checksums of the pixel data
    chunks = dict(_chunks(source.data))
    by_code = _code_points(chunks, source.notes)
    if by_code:
        opened.picture.info.pop("icc_profile", None)
    elif not opened.picture.info.get("icc_profile"):
        by_code = _gamma(chunks, source.notes)
    return pillow.load(opened, by_code)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the chunks before the pixels."""
    place = len(BEGINNING)
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"IDAT":
            return
        yield name, data[place + 8 : place + 8 + length]
        place += 12 + length


def _code_points(chunks: dict[bytes, bytes], notes: list[str]) -> Profile | None:
    """What a cICP chunk declares; it goes before all others."""
    content = chunks.get(b"cICP", b"")
    return codepoints.profile(content[0], content[1], "the PNG's cICP chunk", notes) if len(content) == 4 else None


def _gamma(chunks: dict[bytes, bytes], notes: list[str]) -> Profile | None:
    """What gAMA and cHRM declare where there is no sRGB chunk; None for sRGB."""
    if b"sRGB" in chunks or (b"gAMA" not in chunks and b"cHRM" not in chunks):
        return None
    names = " and ".join(name for name in ("gAMA", "cHRM") if name.encode() in chunks)
    source = f"the PNG's {names} chunk{'s' if 'and' in names else ''}"
    try:
        exponent = struct.unpack(">I", chunks[b"gAMA"])[0] / 100_000 if b"gAMA" in chunks else SRGB_GAMMA
        points = _points(chunks[b"cHRM"]) if b"cHRM" in chunks else (D65, *SRGB)
        if abs(exponent - SRGB_GAMMA) <= NEAR:
            if np.abs(np.subtract(points, (D65, *SRGB))).max() <= NEAR:
                return None
            return matrix_profile(srgb_curve, source, points[1:], points[0])
        return matrix_profile(gamma(1 / exponent), source, points[1:], points[0])
    except (struct.error, ValueError, ZeroDivisionError):
        notes.append(f"T{source[1:]} cannot be used; colours are taken as sRGB.")
        return None


def _points(content: bytes) -> tuple[Point, Point, Point, Point]:
    """White, red, green and blue of a cHRM chunk."""
    values = [number / 100_000 for number in struct.unpack(">8I", content)]
    white, red, green, blue = zip(values[::2], values[1::2], strict=True)
    return white, red, green, blue
