"""JPEG 2000: JP2 files and bare codestreams."""

from __future__ import annotations

import struct

from PIL import Jpeg2KImagePlugin

from service.errors import DamagedImage, UnsupportedImage
from service.images.formats import boxes, pillow
from service.images.formats.stored import Source, Stored
from service.images.profiles import Profile

NAME = "JPEG 2000"
BEGINNINGS = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
CODESTREAM = BEGINNINGS[1]
CODING, TILE, END = b"\xff\x52", b"\xff\x90", b"\xff\xd9"

ENUMERATED, RESTRICTED_ICC, ANY_ICC = 1, 2, 3
SPACES = {0: "bilevel", 12: "CMYK", 15: "bilevel", 16: "sRGB", 17: "greyscale", 18: "sYCC"}
"""Enumerated colour spaces that Pillow converts itself."""


def read(source: Source) -> Stored:
    """Decodes at a half, a quarter and so on of the size where both sides stay at least `at_least` pixels."""
    stream = _codestream(source.data)
    width, height = _size(stream)
    source.limits.check_pixels(NAME, width, height)
    _check_whole(stream)
    opened = pillow.open_picture(NAME, Jpeg2KImagePlugin.Jpeg2KImageFile, source)
    if source.at_least and isinstance(opened.picture, Jpeg2KImagePlugin.Jpeg2KImageFile):
        halvings = (min(width, height) // source.at_least).bit_length() - 1
        opened.picture.reduce = max(0, min(halvings, _levels(stream)))
    return pillow.load(opened, _profile(source.data))


def _codestream(data: bytes) -> bytes:
    """The first codestream of a file."""
    streams = [data] if data.startswith(CODESTREAM) else boxes.find(data, b"jp2c")
    if not streams:
        raise DamagedImage("The JPEG 2000 cannot be decoded: it holds no whole picture.")
    return streams[0]


def _size(stream: bytes) -> tuple[int, int]:
    """Width and height of the codestream, which a JP2 header may contradict. Raises as `struct`."""
    right, lower, left, upper = struct.unpack_from(">IIII", stream, 8)
    return right - left, lower - upper


def _levels(stream: bytes) -> int:
    """How often the wavelets of every tile can be halved, by the main header."""
    place = 2
    while (marker := stream[place : place + 2]) not in (CODING, TILE, b""):
        place += 2 + int.from_bytes(stream[place + 2 : place + 4], "big")
    return stream[place + 9] if marker == CODING and place + 9 < len(stream) else 0


def _check_whole(stream: bytes) -> None:
    """OpenJPEG fills in what a cut file lacks: raises DamagedImage where tile parts do not lead to the end marker."""
    place = 2
    while (marker := stream[place : place + 2]) != END:
        if marker == TILE:
            (length,) = struct.unpack_from(">I", stream, place + 6)
            place = place + length if length else max(len(stream.rstrip(b"\0")) - 2, place + 12)
        elif marker[:1] == b"\xff":
            place += 2 + struct.unpack_from(">H", stream, place + 2)[0]
        else:
            raise DamagedImage("The JPEG 2000 cannot be decoded: the file is cut short or damaged.")


def _profile(data: bytes) -> Profile | None:
    """What the first colour box declares."""
    for content in boxes.find(data, b"jp2h", b"colr")[:1]:
        method = content[0]
        if method in (RESTRICTED_ICC, ANY_ICC):
            return Profile(content[3:])
        space = int.from_bytes(content[3:7], "big")
        if method == ENUMERATED and space not in SPACES:
            raise UnsupportedImage(
                f"This JPEG 2000 has colours of kind {space}, which are not read here; save it as RGB."
            )
    return None
