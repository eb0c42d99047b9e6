"""Collections in one SQLite file: each change is one transaction, on the disk before it returns."""

from __future__ import annotations

from pathlib import Path

from service.collections.store.sqlite.collections import SqliteCollections
from service.collections.store.sqlite.connection import Connection
from service.collections.store.sqlite.items import SqliteItems
from service.collections.store.sqlite.projections import SqliteProjections
from service.collections.store.sqlite.reembeddings import SqliteReembeddings


class SqliteStore:
    """A `Store` in a folder. Its parts share one connection; several processes may share the file."""

    def __init__(self, folder: Path) -> None:
        """folder: created if it does not exist. Raises CollectionsError where it cannot be used."""
        self.connection = Connection(folder)
        self.collections = SqliteCollections(self.connection)
        self.items = SqliteItems(self.connection, self.collections)
        self.projections = SqliteProjections(self.connection, self.collections)
        self.reembeddings = SqliteReembeddings(self.connection, self.collections)

    def close(self) -> None:
        """See `Store.close`."""
        self.connection.close()
