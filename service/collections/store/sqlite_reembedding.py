"""The part of `SqliteStore` that embeds again: what new weights saw lies beside the old until all of it is there."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from service.collections.collection import Collection, Item
from service.errors import StaleCollection

ARRAYS = ("probabilities", "peaks", "maps", "mapped", "field", "mask")
UNSEEN = (
    "SELECT items.id FROM collections JOIN items ON items.collection = collections.id"
    " LEFT JOIN vectors ON vectors.item = items.id AND vectors.version = coming"
    " WHERE items.collection = ? AND vectors.item IS NULL"
)
SWEPT = 1000
"""Items whose left-over rows are removed in one transaction."""


class SqliteReembeddings:
    """One renewal of a collection at a time; who asks for another one's weights starts anew."""

    def _number(self, name: str) -> int:
        raise NotImplementedError

    def _one(self, name: str, columns: str) -> Any:
        raise NotImplementedError

    def _all(self, query: str, *values: object) -> list[Any]:
        raise NotImplementedError

    def _written(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def begin_reembedding(self, name: str, weights_sha256: str) -> None:
        """See `Store.begin_renewal`."""
        with self._written() as db:
            db.execute(
                "UPDATE collections SET coming = max(version, coming) + 1, coming_weights = ?"
                " WHERE id = ? AND coming_weights != ?",
                (weights_sha256, self._number(name), weights_sha256),
            )

    def not_reembedded(self, name: str) -> list[int]:
        """See `Store.unrenewed`."""
        return [row[0] for row in self._all(f"{UNSEEN} ORDER BY items.id", self._number(name))]

    def renew(self, name: str, weights_sha256: str, items: Mapping[int, Item]) -> None:
        """See `Store.renew`."""
        with self._written() as db:
            number, version = self._coming(name, weights_sha256)
            for one, item in items.items():
                there = "SELECT 1 FROM items WHERE collection = ? AND id = ?"
                if db.execute(there, (number, one)).fetchone():
                    write_vectors(db, one, version, item)

    def finish_reembedding(self, name: str, renewed: Collection) -> bool:
        """See `Store.finish_renewal`."""
        with self._written() as db:
            number, _ = self._coming(name, renewed.weights_sha256)
            if self._all(f"{UNSEEN} LIMIT 1", number):
                return False
            db.execute(
                "UPDATE collections SET weights = ?, layer = ?, dim = ?, version = coming, coming_weights = ''"
                " WHERE id = ?",
                (renewed.weights_sha256, renewed.layer, renewed.dim, number),
            )
            return True

    def sweep(self, name: str, after: int = 0) -> int | None:
        """See `Store.sweep`."""
        number = self._number(name)
        page = "SELECT id FROM items WHERE collection = ? AND id > ? ORDER BY id LIMIT ?"
        with self._written() as db:
            ids = [row[0] for row in db.execute(page, (number, after, SWEPT))]
            kept = "SELECT version FROM collections WHERE id = ? UNION SELECT coming FROM collections WHERE id = ?"
            for table in ("vectors", "contents"):
                query = f"DELETE FROM {table} WHERE item = ? AND version NOT IN ({kept})"  # noqa: S608
                db.executemany(query, [(one, number, number) for one in ids])
        return ids[-1] if ids else None

    def _coming(self, name: str, weights_sha256: str) -> tuple[int, int]:
        number, version, weights = self._one(name, "id, coming, coming_weights")
        if weights != weights_sha256:
            raise StaleCollection(f"collection {name!r} is being embedded by other weights meanwhile, or was already")
        return number, version


def write_vectors(db: sqlite3.Connection, number: int, version: int, item: Item) -> None:
    """Keep what one version of the weights saw of an item."""
    vectors = item.predicted, item.embedding.astype("<f4").tobytes(), item.pixels.tobytes()
    db.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)", (number, version, *vectors))
    db.execute("INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", (number, version, _packed(item)))


def _packed(item: Item) -> bytes:
    """The arrays as one .npz file, which holds no code."""
    found: dict[str, Any] = {"mapped": np.array(item.mapped, np.int32)}
    found |= {name: getattr(item, name) for name in ARRAYS if name != "mapped" and getattr(item, name) is not None}
    file = io.BytesIO()
    np.savez(file, **found)
    return file.getvalue()
