"""Records that survive the process: one SQLite file, of which one process at a time is the owner."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from service.errors import CollectionsError, NoRoom

Record = TypeVar("Record")

FILE = "jobs.sqlite"
SCHEMA = "CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, record TEXT)"
PATIENCE = 2.0
"""Seconds to wait for an owner who is just leaving."""


class JobRecords(Generic[Record]):
    """Records by id, in the order they first came. Every method blocks, and is on the disk when it returns.

    The file is locked for as long as this is open, so that nobody takes another process's jobs for abandoned ones.
    """

    def __init__(self, folder: Path, kind: type[Record]) -> None:
        """folder: made where it does not exist. Raises CollectionsError where it cannot be used, or has an owner."""
        self._lock, self._records = threading.Lock(), TypeAdapter(kind)
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / FILE, timeout=PATIENCE, check_same_thread=False, isolation_level=None)
            try:
                for pragma in ("locking_mode = EXCLUSIVE", "synchronous = EXTRA"):
                    self._db.execute(f"PRAGMA {pragma}")
                self._db.execute("BEGIN EXCLUSIVE")  # the lock, which commits do not give back
                self._db.execute(SCHEMA)
                self._db.execute("COMMIT")
            except sqlite3.Error:
                self._db.close()
                raise
        self._folder = folder

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether there ever was a ledger in a folder."""
        return (folder / FILE).exists()

    def all(self) -> dict[str, Record]:
        """Every record by its id."""
        with self._lock, _told(self._folder):
            rows = self._db.execute("SELECT id, record FROM jobs ORDER BY number").fetchall()
            return {number: self._records.validate_json(text) for number, text in rows}

    def put(self, number: str, record: Record) -> None:
        """Keep a record in place of what was known by this id."""
        text = self._records.dump_json(record).decode()
        query = "INSERT INTO jobs (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record"
        with self._lock, _told(self._folder):
            self._db.execute(query, (number, text))

    def remove(self, number: str) -> None:
        """Forget a record, if there is one."""
        with self._lock, _told(self._folder):
            self._db.execute("DELETE FROM jobs WHERE id = ?", (number,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


def full(error: sqlite3.Error) -> bool:
    """Whether there was no room: on the disk, or because a file must not grow."""
    return getattr(error, "sqlite_errorname", "") in {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if full(error):
            raise NoRoom("the disk under the jobs is full; nothing of this was kept") from None
        owned = "another service keeps its jobs there" if "locked" in str(error) else str(error)
        raise CollectionsError(f"jobs cannot be kept in {folder}: {owned}") from None
    except (OSError, sqlite3.Error, ValueError) as error:
        raise CollectionsError(f"jobs cannot be kept in {folder}: {error}") from None
