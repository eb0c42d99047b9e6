"""The images of collections: their summaries, pictures, vectors and arrays."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import PIXEL_SIDE, AddResult, Item, ItemSummary
from service.collections.fingerprint import Fingerprint
from service.collections.store.interface import Space
from service.collections.store.sqlite import arrays
from service.collections.store.sqlite.collections import SqliteCollections
from service.collections.store.sqlite.connection import Connection
from service.collections.store.sqlite.reembeddings import write_version
from service.errors import CollectionsError, StaleCollection, UnknownName

SUMMARY = "items.id, items.sha256, items.name, items.label, predicted, items.thumbnail"
SUMMARIES = (
    "collections JOIN items ON items.collection = collections.id"
    " JOIN vectors ON vectors.item = items.id AND vectors.version = collections.version"
)
WHOLE = f"{SUMMARY}, features, pixels, arrays, pictures.thumbnail, original, pictures.mask"
WITHOUT_PICTURES = f"{SUMMARY}, features, pixels, arrays, NULL, NULL, NULL"
ITEMS = (
    f"{SUMMARIES} JOIN contents ON contents.item = items.id AND contents.version = collections.version"
    " JOIN pictures ON pictures.item = items.id"
)
DTYPES = {"features": "<f4", "pixels": "u1"}

VECTORS_PER_READ, ITEMS_PER_READ, WHOLE_ITEMS_PER_READ = 4096, 256, 16
"""Rows of one query; a whole item may come with its original."""


class SqliteItems:
    """See `ItemStore`."""

    def __init__(self, connection: Connection, collections: SqliteCollections) -> None:
        self._connection, self._collections = connection, collections

    def add(self, name: str, items: Sequence[Item], fingerprint: Fingerprint | None = None) -> list[AddResult]:
        """See `ItemStore.add`."""
        with self._connection.transaction() as db:
            number, version, current = self._collections.row(name, "id, version, fingerprint")
            if fingerprint is not None and Fingerprint.model_validate_json(current) != fingerprint:
                raise StaleCollection(f"collection {name!r} has vectors of another model since a moment ago; try again")
            return [_add(db, number, version, item) for item in items]

    def page(self, name: str, after: int = 0, limit: int = 100) -> list[ItemSummary]:
        """See `ItemStore.page`."""
        query = (
            f"SELECT {SUMMARY} FROM {SUMMARIES} WHERE items.collection = ? AND items.id > ?"  # noqa: S608
            " ORDER BY items.id LIMIT ?"
        )
        return [_summary(row) for row in self._connection.rows(query, self._collections.number(name), after, limit)]

    def summaries(self, name: str, ids: Sequence[int]) -> dict[int, ItemSummary]:
        """See `ItemStore.summaries`."""
        query = f"SELECT {SUMMARY} FROM {SUMMARIES} WHERE items.collection = ? AND items.id = ?"  # noqa: S608
        number = self._collections.number(name)
        return {row[0]: _summary(row) for one in ids for row in self._connection.rows(query, number, int(one))}

    def identifiers(self, name: str) -> set[str]:
        """See `ItemStore.identifiers`."""
        query = "SELECT sha256, name FROM items WHERE collection = ?"
        rows = self._connection.rows(query, self._collections.number(name))
        return {identifier for row in rows for identifier in row if identifier}

    def get(self, name: str, item_id: int) -> Item:
        """See `ItemStore.get`."""
        query = f"SELECT {WHOLE} FROM {ITEMS} WHERE items.collection = ? AND items.id = ?"  # noqa: S608
        rows = self._connection.rows(query, self._collections.number(name), item_id)
        if not rows:
            raise _no_item(name, item_id)
        return _item(rows[0])

    def all(self, name: str) -> Iterator[tuple[int, Item]]:
        """See `ItemStore.all`."""
        return self._iterate(name, WHOLE, WHOLE_ITEMS_PER_READ)

    def without_pictures(self, name: str) -> Iterator[tuple[int, Item]]:
        """See `ItemStore.without_pictures`."""
        return self._iterate(name, WITHOUT_PICTURES, ITEMS_PER_READ)

    def thumbnail(self, name: str, item_id: int) -> bytes | None:
        """See `ItemStore.thumbnail`."""
        if item_id not in self.summaries(name, [item_id]):
            raise _no_item(name, item_id)
        rows = self._connection.rows("SELECT thumbnail FROM pictures WHERE item = ?", item_id)
        return rows[0][0] if rows else None

    def remove(self, name: str, item_id: int) -> None:
        """See `ItemStore.remove`."""
        with self._connection.transaction() as db:
            number = self._collections.number(name)
            if not db.execute("DELETE FROM items WHERE collection = ? AND id = ?", (number, item_id)).rowcount:
                raise _no_item(name, item_id)
            db.execute("UPDATE collections SET count = count - 1, removed = removed + 1 WHERE id = ?", (number,))

    def vectors(self, name: str, space: Space, after: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `ItemStore.vectors`. Other threads can use the connection between pages."""
        before, found = self._collections.revision(name).generation, self._vectors(name, space, after)
        while (now := self._collections.revision(name).generation) != before:
            before, found = now, self._vectors(name, space, after)
        return found

    def _vectors(self, name: str, space: Space, after: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        number, version, dim = self._collections.row(name, "id, version, dim")
        query = (
            f"SELECT item, {space} FROM items JOIN vectors ON vectors.item = items.id AND version = ?"  # noqa: S608
            " WHERE collection = ? AND items.id > ? ORDER BY items.id LIMIT ?"
        )
        dim = dim if space == "features" else PIXEL_SIDE * PIXEL_SIDE * 3
        ids, pages = [np.zeros(0, np.int64)], [np.zeros((0, dim), np.float32)]
        while rows := self._connection.rows(query, version, number, after, VECTORS_PER_READ):
            ids.append(np.array([row[0] for row in rows], np.int64))
            flat = np.frombuffer(b"".join(row[1] for row in rows), DTYPES[space])
            pages.append((flat if space == "features" else flat / np.float32(255)).astype(np.float32).reshape(-1, dim))
            after = int(rows[-1][0])
        return np.concatenate(ids), np.concatenate(pages)

    def _iterate(self, name: str, columns: str, per_read: int) -> Iterator[tuple[int, Item]]:
        query = (
            f"SELECT {columns} FROM {ITEMS} WHERE items.collection = ? AND items.id > ?"  # noqa: S608
            " ORDER BY items.id LIMIT ?"
        )
        generation, number, after = self._collections.revision(name).generation, self._collections.number(name), 0
        while rows := self._connection.rows(query, number, after, per_read):
            if self._collections.revision(name).generation != generation:
                raise StaleCollection(f"collection {name!r} was embedded again while it was read; try again")
            yield from ((row[0], _item(row)) for row in rows)
            after = int(rows[-1][0])


def _add(db: sqlite3.Connection, number: int, version: int, item: Item) -> AddResult:
    same = db.execute("SELECT id FROM items WHERE collection = ? AND sha256 = ?", (number, item.sha256)).fetchone()
    if same:
        return AddResult(same[0], duplicate=True)
    inserted = db.execute(
        "INSERT INTO items (collection, sha256, name, label, thumbnail) VALUES (?, ?, ?, ?, ?)",
        (number, item.sha256, item.name, item.label, item.thumbnail is not None),
    )
    if inserted.lastrowid is None:
        raise CollectionsError("SQLite gave no id for a row that it inserted")
    write_version(db, inserted.lastrowid, version, item)
    pictures = inserted.lastrowid, item.thumbnail, item.original, item.mask_original
    db.execute("INSERT INTO pictures (item, thumbnail, original, mask) VALUES (?, ?, ?, ?)", pictures)
    db.execute("UPDATE collections SET count = count + 1 WHERE id = ?", (number,))
    return AddResult(inserted.lastrowid, duplicate=False)


def _no_item(name: str, item_id: int) -> UnknownName:
    return UnknownName(f"collection {name!r} has no item {item_id}")


def _summary(row: Any) -> ItemSummary:
    return ItemSummary(row[0], row[1], row[2], row[3], row[4], bool(row[5]))


def _item(row: Any) -> Item:
    _, sha256, name, label, predicted, _, features, pixels, data, thumbnail, original, mask = row
    return Item(
        sha256=sha256,
        name=name,
        label=label,
        predicted=predicted,
        embedding=np.frombuffer(features, "<f4").astype(np.float32),
        pixels=np.frombuffer(pixels, np.uint8).reshape(PIXEL_SIDE, PIXEL_SIDE, 3),
        thumbnail=thumbnail,
        original=original,
        mask_original=mask,
        **arrays.loads(data),
    )
