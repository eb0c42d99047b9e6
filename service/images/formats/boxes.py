"""The boxes of the ISO base media file format, which HEIF, AVIF, JPEG 2000 and JPEG XL files are made of."""

from __future__ import annotations

import struct
from collections.abc import Iterator

FULL = {b"meta": 4}
"""Boxes that hold others behind a version and flags: bytes to skip."""

MAX_BOXES = 10_000


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box in a part of the file; it ends at one that does not fit."""
    end = len(data) if end is None else end
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1 and content + 8 <= end:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = end if size == 0 else start + size
        if stop > end or stop < content:
            return
        yield kind, content, stop
        start = stop


def find(data: bytes, *path: bytes) -> list[bytes]:
    """The contents of all boxes at a path of kinds, in the order of the file."""
    places = [(0, len(data))]
    for depth, kind in enumerate(path):
        skipped = FULL.get(path[depth - 1], 0) if depth else 0
        places = [
            (first, last)
            for start, end in places
            for found, first, last in boxes(data, start + skipped, end)
            if found == kind
        ]
    return [data[start:end] for start, end in places]
