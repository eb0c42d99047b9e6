"""Collections in one SQLite file: a transaction an addition, flushed to the disk before it returns."""

from __future__ import annotations

import io
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections import sqlite_maps
from service.collections.collection import PIXELS, Added, Collection, Item, Line, checked
from service.collections.sqlite_maps import SqliteMaps
from service.collections.store import Revision, Space
from service.errors import BadParameter, CollectionsError, UnknownName

SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, model TEXT NOT NULL, weights TEXT NOT NULL,
  layer TEXT NOT NULL, dim INTEGER NOT NULL, thumbnails INTEGER NOT NULL, originals INTEGER NOT NULL,
  created REAL NOT NULL, count INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS items (
  id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
  sha256 TEXT NOT NULL, name TEXT NOT NULL, label TEXT NOT NULL, predicted INTEGER NOT NULL,
  thumbnail INTEGER NOT NULL, UNIQUE (collection, sha256));
CREATE INDEX IF NOT EXISTS in_order ON items (collection, id);
CREATE TABLE IF NOT EXISTS vectors (
  item INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE, features BLOB NOT NULL, pixels BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS contents (
  item INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE, arrays BLOB NOT NULL, thumbnail BLOB, original BLOB);
"""

COLUMNS = "name, model, weights, layer, dim, thumbnails, originals, created"
LINE = "items.id, items.sha256, items.name, items.label, items.predicted, items.thumbnail"
ALL = f"{LINE}, features, pixels, arrays, contents.thumbnail, original"
JOINED = "items JOIN vectors ON vectors.item = items.id JOIN contents ON contents.item = items.id"
ARRAYS = ("probabilities", "peaks", "maps", "mapped", "field", "mask")
SPACES = {"features": "<f4", "pixels": "u1"}
PAGE = 4096
"""Vectors read at a time."""

PATIENCE = 30.0
"""Seconds to wait while another process, such as an import, writes."""


class SqliteStore(SqliteMaps):
    """One file for all collections. One connection, used by one thread at a time; processes may share the file."""

    def __init__(self, folder: Path) -> None:
        """folder: made where it does not exist. Raises CollectionsError where it cannot be used."""
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / "collections.sqlite", timeout=PATIENCE, check_same_thread=False, isolation_level=None
            )
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(SCHEMA + sqlite_maps.SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise CollectionsError(f"collections cannot be kept in {folder}: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def create(self, collection: Collection) -> Collection:
        """See `Store.create`."""
        checked(collection.name)
        row = (
            collection.name, collection.model, collection.weights_sha256, collection.layer, collection.dim,
            collection.thumbnails, collection.originals, collection.created or time.time(),
        )  # fmt: skip
        with self._written() as db:
            if db.execute("SELECT 1 FROM collections WHERE name = ?", row[:1]).fetchone():
                raise BadParameter(
                    f"there is a collection {collection.name!r} already; delete it, or take another name"
                )
            db.execute(f"INSERT INTO collections ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
        return self.collection(collection.name)

    def collections(self) -> list[Collection]:
        """See `Store.collections`."""
        return [self.collection(name) for (name,) in self._all("SELECT name FROM collections ORDER BY name")]

    def collection(self, name: str) -> Collection:
        """See `Store.collection`."""
        number = self._number(name)
        ((name, model, weights, layer, dim, thumbnails, originals, created, count),) = self._all(
            f"SELECT {COLUMNS}, count FROM collections WHERE id = ?",  # noqa: S608
            number,
        )
        return Collection(name, model, weights, layer, dim, bool(thumbnails), bool(originals), created, count)

    def delete(self, name: str) -> None:
        """See `Store.delete`."""
        with self._written() as db:
            db.execute("DELETE FROM collections WHERE id = ?", (self._number(name),))

    def add(self, name: str, items: Sequence[Item]) -> list[Added]:
        """See `Store.add`."""
        with self._written() as db:
            number = self._number(name)
            return [self._add(db, number, item) for item in items]

    def _add(self, db: sqlite3.Connection, number: int, item: Item) -> Added:
        there = db.execute("SELECT id FROM items WHERE collection = ? AND sha256 = ?", (number, item.sha256)).fetchone()
        if there:
            return Added(there[0], known=True)
        found = db.execute(
            "INSERT INTO items (collection, sha256, name, label, predicted, thumbnail) VALUES (?, ?, ?, ?, ?, ?)",
            (number, item.sha256, item.name, item.label, item.predicted, item.thumbnail is not None),
        )
        if found.lastrowid is None:
            raise CollectionsError("a row was written and has no number")
        vectors = item.embedding.astype("<f4").tobytes(), item.pixels.tobytes()
        db.execute("INSERT INTO vectors VALUES (?, ?, ?)", (found.lastrowid, *vectors))
        contents = _packed(item), item.thumbnail, item.original
        db.execute("INSERT INTO contents VALUES (?, ?, ?, ?)", (found.lastrowid, *contents))
        db.execute("UPDATE collections SET count = count + 1 WHERE id = ?", (number,))
        return Added(found.lastrowid, known=False)

    def lines(self, name: str, after: int = 0, limit: int = 100) -> list[Line]:
        """See `Store.lines`."""
        query = f"SELECT {LINE} FROM items WHERE collection = ? AND id > ? ORDER BY id LIMIT ?"  # noqa: S608
        return [_line(row) for row in self._all(query, self._number(name), after, limit)]

    def named(self, name: str, ids: Sequence[int]) -> dict[int, Line]:
        """See `Store.named`."""
        query = f"SELECT {LINE} FROM items WHERE collection = ? AND id = ?"  # noqa: S608
        number = self._number(name)
        return {row[0]: _line(row) for one in ids for row in self._all(query, number, int(one))}

    def known(self, name: str) -> set[str]:
        """See `Store.known`."""
        rows = self._all("SELECT sha256, name FROM items WHERE collection = ?", self._number(name))
        return {word for row in rows for word in row if word}

    def item(self, name: str, number: int) -> Item:
        """See `Store.item`."""
        query = f"SELECT {ALL} FROM {JOINED} WHERE items.collection = ? AND items.id = ?"  # noqa: S608
        rows = self._all(query, self._number(name), number)
        if not rows:
            raise UnknownName(f"collection {name!r} has no item {number}")
        return _item(rows[0])

    def items(self, name: str) -> Iterator[tuple[int, Item]]:
        """See `Store.items`."""
        after = 0
        while page := self.lines(name, after):
            for line in page:
                yield line.id, self.item(name, line.id)
            after = page[-1].id

    def thumbnail(self, name: str, number: int) -> bytes | None:
        """See `Store.thumbnail`."""
        if number not in self.named(name, [number]):
            raise UnknownName(f"collection {name!r} has no item {number}")
        rows = self._all("SELECT thumbnail FROM contents WHERE item = ?", number)
        return rows[0][0] if rows else None

    def remove(self, name: str, number: int) -> None:
        """See `Store.remove`."""
        with self._written() as db:
            within = self._number(name)
            if not db.execute("DELETE FROM items WHERE collection = ? AND id = ?", (within, number)).rowcount:
                raise UnknownName(f"collection {name!r} has no item {number}")
            db.execute("UPDATE collections SET count = count - 1, removed = removed + 1 WHERE id = ?", (within,))

    def vectors(self, name: str, space: Space, after: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `Store.vectors`. Read page by page, so that nobody waits long."""
        query = (
            f"SELECT item, {space} FROM items JOIN vectors ON vectors.item = items.id"  # noqa: S608
            " WHERE collection = ? AND items.id > ? ORDER BY items.id LIMIT ?"
        )
        number, dim = self._number(name), self.collection(name).dim if space == "features" else PIXELS * PIXELS * 3
        ids, pages = [np.zeros(0, np.int64)], [np.zeros((0, dim), np.float32)]
        while rows := self._all(query, number, after, PAGE):
            ids.append(np.array([row[0] for row in rows], np.int64))
            flat = np.frombuffer(b"".join(row[1] for row in rows), SPACES[space])
            pages.append((flat if space == "features" else flat / np.float32(255)).astype(np.float32).reshape(-1, dim))
            after = int(rows[-1][0])
        return np.concatenate(ids), np.concatenate(pages)

    def revision(self, name: str) -> Revision:
        """See `Store.revision`."""
        number = self._number(name)
        ((removed,),) = self._all("SELECT removed FROM collections WHERE id = ?", number)
        ((last,),) = self._all("SELECT max(id) FROM items WHERE collection = ?", number)
        return Revision(number, removed, last or 0)

    def _number(self, name: str) -> int:
        rows = self._all("SELECT id FROM collections WHERE name = ?", name)
        if not rows:
            raise UnknownName(f"there is no collection {name[:80]!r}; GET /collections lists those there are")
        return int(rows[0][0])

    def _all(self, query: str, *values: object) -> list[Any]:
        with self._lock, _told():
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        """A transaction, on the disk once this is left."""
        with self._lock, _told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise CollectionsError(f"the collections' file: {error}") from None


def _line(row: Any) -> Line:
    return Line(row[0], row[1], row[2], row[3], row[4], bool(row[5]))


def _packed(item: Item) -> bytes:
    """The arrays as one .npz file, which holds no code."""
    found: dict[str, Any] = {"mapped": np.array(item.mapped, np.int32)}
    found |= {name: getattr(item, name) for name in ARRAYS if name != "mapped" and getattr(item, name) is not None}
    file = io.BytesIO()
    np.savez(file, **found)
    return file.getvalue()


def _item(row: Any) -> Item:
    _, sha256, name, label, predicted, _, features, pixels, packed, thumbnail, original = row
    with np.load(io.BytesIO(packed), allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    return Item(
        sha256=sha256,
        name=name,
        label=label,
        predicted=predicted,
        embedding=np.frombuffer(features, "<f4").astype(np.float32),
        pixels=np.frombuffer(pixels, np.uint8).reshape(PIXELS, PIXELS, 3),
        thumbnail=thumbnail,
        original=original,
        **(arrays | {"mapped": tuple(int(index) for index in arrays["mapped"])}),
    )
