"""Collections in one SQLite file: a transaction an addition, flushed to the disk before it returns."""

from __future__ import annotations

import io
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import PIXELS, AddResult, Collection, Item, ItemSummary, Revision, check_name
from service.collections.store import migrations
from service.collections.store.interface import Content, Space
from service.collections.store.sqlite_projections import SqliteProjections
from service.collections.store.sqlite_reembedding import SqliteReembeddings, write_vectors
from service.errors import BadParameter, CollectionsError, NoRoom, StaleCollection, UnknownName
from service.jobs.records import full

GIVEN = "name, model, weights, layer, dim, thumbnails, originals, created"
COLUMNS = f"{GIVEN}, count"
LINE = "items.id, items.sha256, items.name, items.label, predicted, items.thumbnail"
LINES = (
    "collections JOIN items ON items.collection = collections.id"
    " JOIN vectors ON vectors.item = items.id AND vectors.version = collections.version"
)
ALL = f"{LINE}, features, pixels, arrays, pictures.thumbnail, original, pictures.mask"
BARE = f"{LINE}, features, pixels, arrays, NULL, NULL, NULL"
JOINED = (
    f"{LINES} JOIN contents ON contents.item = items.id AND contents.version = collections.version"
    " JOIN pictures ON pictures.item = items.id"
)
SPACES = {"features": "<f4", "pixels": "u1"}
BLOBS = {"vectors": ("features", "pixels"), "contents": ("arrays",), "pictures": ("pictures.thumbnail", "original")}
PAGE, LOOKS, TOGETHER = 4096, 256, 16
"""Vectors, items without their pictures, and whole items read at a time; each of these may bring its original."""

MOST_NAMED = 20
"""Collections listed where none has the name asked for."""

VERSION = 2**32
"""More than there are collections, so that a version and a number make one number."""

PATIENCE = 30.0
"""Seconds to wait while another process, such as an import, writes."""


class SqliteStore(SqliteProjections, SqliteReembeddings):
    """One file for all collections. One connection, used by one thread at a time; processes may share the file."""

    def __init__(self, folder: Path) -> None:
        """folder: made where it does not exist. Raises CollectionsError where it cannot be used."""
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / "collections.sqlite", timeout=PATIENCE, check_same_thread=False, isolation_level=None
            )
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                self._db.execute(f"PRAGMA {pragma}")
            migrations.prepare(self._db)
        except (OSError, sqlite3.Error) as error:
            raise CollectionsError(f"collections cannot be kept in {folder}: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def create(self, collection: Collection) -> Collection:
        """See `Store.create`."""
        check_name(collection.name)
        row = (
            collection.name, collection.model, collection.weights_sha256, collection.layer, collection.dim,
            collection.thumbnails, collection.originals, collection.created or time.time(),
        )  # fmt: skip
        with self._written() as db:
            if db.execute("SELECT 1 FROM collections WHERE name = ?", row[:1]).fetchone():
                raise BadParameter(
                    f"there is a collection {collection.name!r} already; delete it, or take another name"
                )
            db.execute(f"INSERT INTO collections ({GIVEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
        return self.collection(collection.name)

    def collections(self) -> list[Collection]:
        """See `Store.collections`."""
        return [_collection(row) for row in self._all(f"SELECT {COLUMNS} FROM collections ORDER BY name")]  # noqa: S608

    def collection(self, name: str) -> Collection:
        """See `Store.collection`."""
        return _collection(self._one(name, COLUMNS))

    def delete(self, name: str) -> None:
        """See `Store.delete`."""
        with self._written() as db:
            db.execute("DELETE FROM collections WHERE id = ?", (self._number(name),))

    def add(self, name: str, items: Sequence[Item], weights_sha256: str | None = None) -> list[AddResult]:
        """See `Store.add`."""
        with self._written() as db:
            number, version, weights = self._one(name, "id, version, weights")
            if weights_sha256 not in {None, weights}:
                raise StaleCollection(f"collection {name!r} has vectors of other weights since a moment ago; ask again")
            return [self._add(db, number, version, item) for item in items]

    def _add(self, db: sqlite3.Connection, number: int, version: int, item: Item) -> AddResult:
        there = db.execute("SELECT id FROM items WHERE collection = ? AND sha256 = ?", (number, item.sha256)).fetchone()
        if there:
            return AddResult(there[0], known=True)
        found = db.execute(
            "INSERT INTO items (collection, sha256, name, label, thumbnail) VALUES (?, ?, ?, ?, ?)",
            (number, item.sha256, item.name, item.label, item.thumbnail is not None),
        )
        if found.lastrowid is None:
            raise CollectionsError("a row was written and has no number")
        write_vectors(db, found.lastrowid, version, item)
        pictures = found.lastrowid, item.thumbnail, item.original, item.mask_original
        db.execute("INSERT INTO pictures (item, thumbnail, original, mask) VALUES (?, ?, ?, ?)", pictures)
        db.execute("UPDATE collections SET count = count + 1 WHERE id = ?", (number,))
        return AddResult(found.lastrowid, known=False)

    def content(self, name: str) -> Content:
        """See `Store.content`."""
        number, size = self._number(name), 0
        labels = self._all("SELECT label, count(*) FROM items WHERE collection = ? GROUP BY label", number)
        for table, blobs in BLOBS.items():
            lengths = " + ".join(f"ifnull(length({blob}), 0)" for blob in blobs)
            query = f"SELECT sum({lengths}) FROM items JOIN {table} ON item = items.id WHERE collection = ?"  # noqa: S608
            size += self._all(query, number)[0][0] or 0
        return Content(dict(sorted(labels, key=lambda pair: (-pair[1], pair[0]))), size)

    def lines(self, name: str, after: int = 0, limit: int = 100) -> list[ItemSummary]:
        """See `Store.lines`."""
        query = f"SELECT {LINE} FROM {LINES} WHERE items.collection = ? AND items.id > ? ORDER BY items.id LIMIT ?"  # noqa: S608
        return [_line(row) for row in self._all(query, self._number(name), after, limit)]

    def named(self, name: str, ids: Sequence[int]) -> dict[int, ItemSummary]:
        """See `Store.named`."""
        query = f"SELECT {LINE} FROM {LINES} WHERE items.collection = ? AND items.id = ?"  # noqa: S608
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
        return self._items(name, ALL, TOGETHER)

    def looks(self, name: str) -> Iterator[tuple[int, Item]]:
        """See `Store.looks`."""
        return self._items(name, BARE, LOOKS)

    def _items(self, name: str, columns: str, together: int) -> Iterator[tuple[int, Item]]:
        query = (
            f"SELECT {columns} FROM {JOINED} WHERE items.collection = ? AND items.id > ?"  # noqa: S608
            " ORDER BY items.id LIMIT ?"
        )
        made, number, after = self.revision(name).made, self._number(name), 0
        while rows := self._all(query, number, after, together):
            if self.revision(name).made != made:
                raise StaleCollection(f"collection {name!r} was embedded again while it was read; ask again")
            yield from ((row[0], _item(row)) for row in rows)
            after = int(rows[-1][0])

    def thumbnail(self, name: str, number: int) -> bytes | None:
        """See `Store.thumbnail`."""
        if number not in self.named(name, [number]):
            raise UnknownName(f"collection {name!r} has no item {number}")
        rows = self._all("SELECT thumbnail FROM pictures WHERE item = ?", number)
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
        made, found = self.revision(name).made, self._vectors(name, space, after)
        while (now := self.revision(name).made) != made:
            made, found = now, self._vectors(name, space, after)
        return found

    def _vectors(self, name: str, space: Space, after: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        number, version, dim = self._one(name, "id, version, dim")
        query = (
            f"SELECT item, {space} FROM items JOIN vectors ON vectors.item = items.id AND version = ?"  # noqa: S608
            " WHERE collection = ? AND items.id > ? ORDER BY items.id LIMIT ?"
        )
        dim = dim if space == "features" else PIXELS * PIXELS * 3
        ids, pages = [np.zeros(0, np.int64)], [np.zeros((0, dim), np.float32)]
        while rows := self._all(query, version, number, after, PAGE):
            ids.append(np.array([row[0] for row in rows], np.int64))
            flat = np.frombuffer(b"".join(row[1] for row in rows), SPACES[space])
            pages.append((flat if space == "features" else flat / np.float32(255)).astype(np.float32).reshape(-1, dim))
            after = int(rows[-1][0])
        return np.concatenate(ids), np.concatenate(pages)

    def revision(self, name: str) -> Revision:
        """See `Store.revision`."""
        last = "(SELECT max(items.id) FROM items WHERE collection = collections.id)"
        number, version, removed, newest = self._one(name, f"id, version, removed, {last}")
        return Revision(number + version * VERSION, removed, newest or 0)

    def _number(self, name: str) -> int:
        return int(self._one(name, "id")[0])

    def _one(self, name: str, columns: str) -> Any:
        rows = self._all(f"SELECT {columns} FROM collections WHERE name = ?", name)  # noqa: S608
        if not rows:
            raise self._unknown(name)
        return rows[0]

    def _unknown(self, name: str) -> UnknownName:
        there = [row[0] for row in self._all("SELECT name FROM collections ORDER BY name")]
        near = get_close_matches(name[:80], there, cutoff=0.5)
        known = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(there[:MOST_NAMED]) or 'none yet'}"
        return UnknownName(f"there is no collection {name[:80]!r}; {known}")

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
        if full(error):
            raise NoRoom("the disk under the collections is full; nothing of this was kept") from None
        raise CollectionsError(f"the collections' file: {error}") from None


def _collection(row: Any) -> Collection:
    name, model, weights, layer, dim, thumbnails, originals, created, count = row
    return Collection(name, model, weights, layer, dim, bool(thumbnails), bool(originals), created, count)


def _line(row: Any) -> ItemSummary:
    return ItemSummary(row[0], row[1], row[2], row[3], row[4], bool(row[5]))


def _item(row: Any) -> Item:
    _, sha256, name, label, predicted, _, features, pixels, packed, thumbnail, original, mask = row
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
        mask_original=mask,
        **(arrays | {"mapped": tuple(int(index) for index in arrays["mapped"])}),
    )
