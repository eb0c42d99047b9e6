"""What SQLite's errors mean; shared by everything that keeps a SQLite file."""

from __future__ import annotations

import sqlite3


def is_disk_full(error: sqlite3.Error) -> bool:
    """Whether SQLite had no room to write: the disk is full, or the file may not grow."""
    return getattr(error, "sqlite_errorname", "") in {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}
