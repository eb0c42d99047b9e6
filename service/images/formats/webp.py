"""WebP, lossy and lossless."""

from __future__ import annotations

from PIL import WebPImagePlugin

from service.images.formats import pillow
from service.images.formats.stored import Source, Stored


def matches(data: bytes) -> bool:
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


def read(source: Source) -> Stored:
    size = _size(source.data)
    if size is not None:
        source.limits.check_pixels("WEBP", *size)  # its opener would allocate the whole canvas first
    return pillow.load(pillow.open_picture("WEBP", WebPImagePlugin.WebPImageFile, source))


def _size(data: bytes) -> tuple[int, int] | None:
    """Canvas width and height from the header, None where it is of no known kind."""
    kind, header = data[12:16], data[20:30].ljust(10, b"\0")
    if kind == b"VP8X":
        return 1 + int.from_bytes(header[4:7], "little"), 1 + int.from_bytes(header[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(header[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(header[6:8], "little") & 0x3FFF, int.from_bytes(header[8:10], "little") & 0x3FFF
    return None
