"""Whether files have changed, told without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

Stamp = tuple[int, int, int] | None
"""Time of change in nanoseconds, size and inode of a file; None where there is none."""

Stamps = tuple[tuple[Path, Stamp], ...]


def stamps(files: Iterable[Path]) -> Stamps:
    """The stamp of each file, in order of their paths. A file that is written or replaced gets another stamp."""
    return tuple((file, _stamp(file)) for file in sorted(set(files)))


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
