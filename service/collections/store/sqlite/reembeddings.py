"""New versions of vectors and arrays, stored beside the current ones until every item has one."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping

from service.collections.collection import Collection, Item
from service.collections.fingerprint import Fingerprint
from service.collections.store.sqlite import arrays
from service.collections.store.sqlite.collections import SqliteCollections
from service.collections.store.sqlite.connection import Connection
from service.errors import StaleCollection

PENDING = (
    "SELECT items.id FROM collections JOIN items ON items.collection = collections.id"
    " LEFT JOIN vectors ON vectors.item = items.id AND vectors.version = coming"
    " WHERE items.collection = ? AND vectors.item IS NULL"
)
ITEMS_PER_DELETION = 1000
"""Items whose unused versions are deleted in one transaction."""


class SqliteReembeddings:
    """See `ReembeddingStore`. A collection has one at a time; another fingerprint starts anew."""

    def __init__(self, connection: Connection, collections: SqliteCollections) -> None:
        self._connection, self._collections = connection, collections

    def begin(self, name: str, fingerprint: Fingerprint) -> None:
        """See `ReembeddingStore.begin`."""
        coming = _digest(fingerprint)
        with self._connection.transaction() as db:
            db.execute(
                "UPDATE collections SET coming = max(version, coming) + 1, coming_fingerprint = ?"
                " WHERE id = ? AND coming_fingerprint != ?",
                (coming, self._collections.number(name), coming),
            )

    def pending(self, name: str) -> list[int]:
        """See `ReembeddingStore.pending`."""
        rows = self._connection.rows(f"{PENDING} ORDER BY items.id", self._collections.number(name))
        return [row[0] for row in rows]

    def save(self, name: str, fingerprint: Fingerprint, items: Mapping[int, Item]) -> None:
        """See `ReembeddingStore.save`."""
        with self._connection.transaction() as db:
            number, version = self._coming(name, fingerprint)
            for item_id, item in items.items():
                exists = "SELECT 1 FROM items WHERE collection = ? AND id = ?"
                if db.execute(exists, (number, item_id)).fetchone():
                    write_version(db, item_id, version, item)

    def finish(self, name: str, reembedded: Collection) -> bool:
        """See `ReembeddingStore.finish`."""
        with self._connection.transaction() as db:
            number, _ = self._coming(name, reembedded.fingerprint)
            if self._connection.rows(f"{PENDING} LIMIT 1", number):
                return False
            db.execute(
                "UPDATE collections SET fingerprint = ?, dim = ?, version = coming, coming_fingerprint = ''"
                " WHERE id = ?",
                (reembedded.fingerprint.model_dump_json(), reembedded.dim, number),
            )
            return True

    def delete_leftovers(self, name: str, after: int = 0) -> int | None:
        """See `ReembeddingStore.delete_leftovers`."""
        number = self._collections.number(name)
        page = "SELECT id FROM items WHERE collection = ? AND id > ? ORDER BY id LIMIT ?"
        with self._connection.transaction() as db:
            ids = [row[0] for row in db.execute(page, (number, after, ITEMS_PER_DELETION))]
            used = "SELECT version FROM collections WHERE id = ? UNION SELECT coming FROM collections WHERE id = ?"
            for table in ("vectors", "contents"):
                query = f"DELETE FROM {table} WHERE item = ? AND version NOT IN ({used})"  # noqa: S608
                db.executemany(query, [(item_id, number, number) for item_id in ids])
        return ids[-1] if ids else None

    def _coming(self, name: str, fingerprint: Fingerprint) -> tuple[int, int]:
        number, version, coming = self._collections.row(name, "id, coming, coming_fingerprint")
        if coming != _digest(fingerprint):
            raise StaleCollection(f"collection {name!r} is being re-embedded for another model, or was already")
        return number, version


def write_version(db: sqlite3.Connection, item_id: int, version: int, item: Item) -> None:
    """Store one version of what a model computed of an item."""
    vectors = item.predicted, item.embedding.astype("<f4").tobytes(), item.pixels.tobytes()
    db.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)", (item_id, version, *vectors))
    db.execute("INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", (item_id, version, arrays.dumps(item)))


def _digest(fingerprint: Fingerprint) -> str:
    return hashlib.sha256(fingerprint.model_dump_json().encode()).hexdigest()
