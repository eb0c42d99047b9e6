"""Collections in one SQLite file."""

from service.collections.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
