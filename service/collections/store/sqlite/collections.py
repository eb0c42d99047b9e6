"""The table of collections, and what every other part looks up in it."""

from __future__ import annotations

import time
from difflib import get_close_matches
from typing import Any

from service.collections.collection import Collection, Content, Revision, check_name
from service.collections.fingerprint import Fingerprint
from service.collections.store.sqlite.connection import Connection
from service.errors import BadParameter, UnknownName

WRITTEN_COLUMNS = "name, model, fingerprint, dim, thumbnails, originals, created"
COLUMNS = f"{WRITTEN_COLUMNS}, count"
BLOBS = {"vectors": ("features", "pixels"), "contents": ("arrays",), "pictures": ("pictures.thumbnail", "original")}
"""What counts as the size of a collection, by table."""

MAX_SUGGESTIONS = 20
"""Collections that the error for an unknown name lists."""

VERSION_STEP = 2**32
"""More than the number of collections, so that a collection's number and a version make one number."""


class SqliteCollections:
    """See `CollectionStore`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, collection: Collection) -> Collection:
        """See `CollectionStore.create`."""
        check_name(collection.name)
        row = (
            collection.name, collection.model, collection.fingerprint.model_dump_json(), collection.dim,
            collection.thumbnails, collection.originals, collection.created or time.time(),
        )  # fmt: skip
        with self._connection.transaction() as db:
            if db.execute("SELECT 1 FROM collections WHERE name = ?", row[:1]).fetchone():
                raise BadParameter(f"there is a collection {collection.name!r} already; delete it, or use another name")
            db.execute(f"INSERT INTO collections ({WRITTEN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
        return self.get(collection.name)

    def all(self) -> list[Collection]:
        """See `CollectionStore.all`."""
        rows = self._connection.rows(f"SELECT {COLUMNS} FROM collections ORDER BY name")  # noqa: S608
        return [_collection(row) for row in rows]

    def get(self, name: str) -> Collection:
        """See `CollectionStore.get`."""
        return _collection(self.row(name, COLUMNS))

    def delete(self, name: str) -> None:
        """See `CollectionStore.delete`."""
        with self._connection.transaction() as db:
            db.execute("DELETE FROM collections WHERE id = ?", (self.number(name),))

    def content(self, name: str) -> Content:
        """See `CollectionStore.content`."""
        number, size = self.number(name), 0
        counts = "SELECT label, count(*) FROM items WHERE collection = ? GROUP BY label"
        labels = self._connection.rows(counts, number)
        for table, blobs in BLOBS.items():
            lengths = " + ".join(f"ifnull(length({blob}), 0)" for blob in blobs)
            query = f"SELECT sum({lengths}) FROM items JOIN {table} ON item = items.id WHERE collection = ?"  # noqa: S608
            size += self._connection.rows(query, number)[0][0] or 0
        return Content(dict(sorted(labels, key=lambda pair: (-pair[1], pair[0]))), size)

    def revision(self, name: str) -> Revision:
        """See `CollectionStore.revision`."""
        last = "(SELECT max(items.id) FROM items WHERE collection = collections.id)"
        number, version, removed, last_id = self.row(name, f"id, version, removed, {last}")
        return Revision(number + version * VERSION_STEP, removed, last_id or 0)

    def number(self, name: str) -> int:
        """The number of a collection in the file. Raises UnknownName."""
        return int(self.row(name, "id")[0])

    def row(self, name: str, columns: str) -> Any:
        """Some columns of a collection. Raises UnknownName."""
        rows = self._connection.rows(f"SELECT {columns} FROM collections WHERE name = ?", name)  # noqa: S608
        if not rows:
            raise self._unknown(name)
        return rows[0]

    def _unknown(self, name: str) -> UnknownName:
        names = [row[0] for row in self._connection.rows("SELECT name FROM collections ORDER BY name")]
        similar = get_close_matches(name[:80], names, cutoff=0.5)
        existing = ", ".join(names[:MAX_SUGGESTIONS]) or "none yet"
        hint = f"did you mean {similar[0]!r}?" if similar else f"there are: {existing}"
        return UnknownName(f"there is no collection {name[:80]!r}; {hint}")


def _collection(row: Any) -> Collection:
    name, model, fingerprint, dim, thumbnails, originals, created, count = row
    return Collection(
        name,
        model,
        Fingerprint.model_validate_json(fingerprint),
        dim,
        bool(thumbnails),
        bool(originals),
        created,
        count,
    )
