"""What HEIF and AVIF files have in common: brands and colour boxes."""

from __future__ import annotations

from service.images.formats import boxes
from service.images.formats.stored import Source


def brands(data: bytes) -> set[bytes]:
    """The brands of a file's first box; none where it is not `ftyp`."""
    size = int.from_bytes(data[:4], "big")
    if data[4:8] != b"ftyp" or not 16 <= size <= 4096:
        return set()
    listed = data[8:12] + data[16:size]
    return {listed[place : place + 4] for place in range(0, len(listed), 4)}


def check_sizes(name: str, source: Source) -> None:
    """Hold the size of every picture in the file against the limits, also of one that is cropped when shown.

    Raises TooLarge, DamagedImage.
    """
    for content in boxes.find(source.data, b"meta", b"iprp", b"ipco", b"ispe"):
        if len(content) >= 12:
            source.limits.check_pixels(name, *(int.from_bytes(content[place : place + 4], "big") for place in (4, 8)))


def code_points(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer characteristics of the first `nclx` colour box; None where there is none."""
    for content in boxes.find(data, b"meta", b"iprp", b"ipco", b"colr"):
        if content[:4] == b"nclx" and len(content) >= 8:
            return int.from_bytes(content[4:6], "big"), int.from_bytes(content[6:8], "big")
    return None
