"""What HEIF and AVIF files have in common: brands and colour boxes."""

from __future__ import annotations

from service.images.formats import boxes


def brands(data: bytes) -> set[bytes]:
    """The brands of a file's first box; none where it is not `ftyp`."""
    size = int.from_bytes(data[:4], "big")
    if data[4:8] != b"ftyp" or not 16 <= size <= 4096:
        return set()
    listed = data[8:12] + data[16:size]
    return {listed[place : place + 4] for place in range(0, len(listed), 4)}


def code_points(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer characteristics of the first `nclx` colour box; None where there is none."""
    for content in boxes.find(data, b"meta", b"iprp", b"ipco", b"colr"):
        if content[:4] == b"nclx" and len(content) >= 8:
            return int.from_bytes(content[4:6], "big"), int.from_bytes(content[6:8], "big")
    return None
