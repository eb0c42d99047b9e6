"""Projections in the file of their collections, so that they are deleted with them."""

from __future__ import annotations

from service.collections.projection import Projection, ProjectionFacts
from service.collections.store.sqlite.collections import SqliteCollections
from service.collections.store.sqlite.connection import Connection
from service.errors import StaleCollection, UnknownName


class SqliteProjections:
    """See `ProjectionStore`."""

    def __init__(self, connection: Connection, collections: SqliteCollections) -> None:
        self._connection, self._collections = connection, collections

    def save(self, name: str, projection: Projection) -> None:
        """See `ProjectionStore.save`."""
        facts = projection.facts
        with self._connection.transaction() as db:
            if self._collections.revision(name).generation != facts.revision.generation:
                raise StaleCollection(
                    f"the vectors of {name!r} that this projection was made of are gone; make it again"
                )
            row = self._collections.number(name), facts.name, facts.dumps(), projection.dumps()
            db.execute("INSERT OR REPLACE INTO projections VALUES (?, ?, ?, ?)", row)

    def all(self, name: str) -> list[ProjectionFacts]:
        """See `ProjectionStore.all`."""
        query = "SELECT facts FROM projections WHERE collection = ? ORDER BY name"
        rows = self._connection.rows(query, self._collections.number(name))
        return [ProjectionFacts.loads(row[0]) for row in rows]

    def get(self, name: str, projection: str) -> Projection:
        """See `ProjectionStore.get`."""
        query = "SELECT facts, arrays FROM projections WHERE collection = ? AND name = ?"
        rows = self._connection.rows(query, self._collections.number(name), projection)
        if not rows:
            raise self._unknown(name, projection)
        return Projection.loads(ProjectionFacts.loads(rows[0][0]), rows[0][1])

    def delete(self, name: str, projection: str) -> None:
        """See `ProjectionStore.delete`."""
        query = "DELETE FROM projections WHERE collection = ? AND name = ?"
        with self._connection.transaction() as db:
            deleted = db.execute(query, (self._collections.number(name), projection)).rowcount
        if not deleted:
            raise self._unknown(name, projection)

    def _unknown(self, name: str, projection: str) -> UnknownName:
        existing = ", ".join(facts.name for facts in self.all(name)) or "none; POST to /projection makes one"
        return UnknownName(f"collection {name!r} has no projection {projection[:80]!r}; there are: {existing}")
