"""One SQLite connection that several threads take turns with, and its errors as ours."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.collections.store.sqlite import migrations
from service.errors import CollectionsError, NoRoom
from service.sqlite_errors import is_disk_full

FILE = "collections.sqlite"
WRITER_TIMEOUT = 30.0
"""Seconds to wait while another process, such as an import, writes."""

PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")


class Connection:
    """A connection to the file of a folder, with all tables up to date."""

    def __init__(self, folder: Path) -> None:
        """folder: created if it does not exist. Raises CollectionsError where it cannot be used."""
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / FILE, timeout=WRITER_TIMEOUT, check_same_thread=False, isolation_level=None
            )
            for pragma in PRAGMAS:
                self._db.execute(f"PRAGMA {pragma}")
            migrations.migrate(self._db)
        except (OSError, sqlite3.Error) as error:
            raise CollectionsError(f"collections cannot be kept in {folder}: {error}") from None

    def rows(self, query: str, *values: object) -> list[Any]:
        """All rows that a query gives."""
        with self._lock, _translated():
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed and on the disk when this is left, rolled back where an error is raised."""
        with self._lock, _translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


@contextmanager
def _translated() -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        if is_disk_full(error):
            raise NoRoom("the disk that keeps the collections is full; nothing of this was stored") from None
        raise CollectionsError(f"the collections' file: {error}") from None
