"""The part of `SqliteStore` that keeps maps: in the same file, so that they go with their collection."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from typing import Any

from service.collections.collection import Revision
from service.collections.projection import Projection, ProjectionFacts
from service.errors import StaleCollection, UnknownName

SCHEMA = """
CREATE TABLE IF NOT EXISTS maps (
  collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE, name TEXT NOT NULL,
  facts TEXT NOT NULL, arrays BLOB NOT NULL, PRIMARY KEY (collection, name));
"""


class SqliteProjections:
    """Maps by name, one of each name a collection."""

    def _number(self, name: str) -> int:
        raise NotImplementedError

    def revision(self, name: str) -> Revision:
        """See `Store.revision`."""
        raise NotImplementedError

    def _all(self, query: str, *values: object) -> list[Any]:
        raise NotImplementedError

    def _written(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def save_projection(self, name: str, found: Projection) -> None:
        """See `Store.keep_map`."""
        with self._written() as db:
            if self.revision(name).made != found.facts.revision.made:
                raise StaleCollection(f"the vectors of {name!r} that this map was made of are gone; make it again")
            row = self._number(name), found.facts.name, found.facts.text(), found.arrays()
            db.execute("INSERT OR REPLACE INTO maps VALUES (?, ?, ?, ?)", row)

    def maps(self, name: str) -> list[ProjectionFacts]:
        """See `Store.maps`."""
        rows = self._all("SELECT facts FROM maps WHERE collection = ? ORDER BY name", self._number(name))
        return [ProjectionFacts.read(row[0]) for row in rows]

    def map(self, name: str, called: str) -> Projection:
        """See `Store.map`."""
        query = "SELECT facts, arrays FROM maps WHERE collection = ? AND name = ?"
        rows = self._all(query, self._number(name), called)
        if not rows:
            raise self._no_map(name, called)
        return Projection.read(ProjectionFacts.read(rows[0][0]), rows[0][1])

    def delete_projection(self, name: str, called: str) -> None:
        """See `Store.drop_map`."""
        with self._written() as db:
            deleted = db.execute(
                "DELETE FROM maps WHERE collection = ? AND name = ?", (self._number(name), called)
            ).rowcount
        if not deleted:
            raise self._no_map(name, called)

    def _no_map(self, name: str, called: str) -> UnknownName:
        there = ", ".join(facts.name for facts in self.maps(name)) or "none; POST to /projection makes one"
        return UnknownName(f"collection {name!r} has no map {called[:80]!r}; there are: {there}")
