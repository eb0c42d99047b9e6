"""The tables of `SqliteStore`, and how a file with older ones gets them."""

from __future__ import annotations

import sqlite3

from service.collections.store import sqlite_projections
from service.errors import CollectionsError

LAYOUT = 2
"""Kept in the file; one more whenever the tables change."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, model TEXT NOT NULL, weights TEXT NOT NULL,
  layer TEXT NOT NULL, dim INTEGER NOT NULL, thumbnails INTEGER NOT NULL, originals INTEGER NOT NULL,
  created REAL NOT NULL, count INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0, coming INTEGER NOT NULL DEFAULT 0, coming_weights TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS items (
  id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
  sha256 TEXT NOT NULL, name TEXT NOT NULL, label TEXT NOT NULL, thumbnail INTEGER NOT NULL,
  UNIQUE (collection, sha256));
CREATE INDEX IF NOT EXISTS in_order ON items (collection, id);
CREATE TABLE IF NOT EXISTS pictures (
  item INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE, thumbnail BLOB, original BLOB, mask BLOB);
CREATE TABLE IF NOT EXISTS vectors (
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, version INTEGER NOT NULL, predicted INTEGER NOT NULL,
  features BLOB NOT NULL, pixels BLOB NOT NULL, PRIMARY KEY (item, version));
CREATE TABLE IF NOT EXISTS contents (
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, version INTEGER NOT NULL, arrays BLOB NOT NULL,
  PRIMARY KEY (item, version));
"""
"""What depends on a model's weights has a version: that of its collection is the one that counts. The one that is
`coming` is being made, of `coming_weights`; others are left over."""

FROM_THE_FIRST = """
ALTER TABLE collections ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE collections ADD COLUMN coming INTEGER NOT NULL DEFAULT 0;
ALTER TABLE collections ADD COLUMN coming_weights TEXT NOT NULL DEFAULT '';
ALTER TABLE vectors RENAME TO old_vectors;
ALTER TABLE contents RENAME TO old_contents;
{schema}
INSERT INTO pictures SELECT item, thumbnail, original, NULL FROM old_contents;
INSERT INTO vectors SELECT item, 0, predicted, features, pixels FROM old_vectors JOIN items ON items.id = item;
INSERT INTO contents SELECT item, 0, arrays FROM old_contents;
DROP TABLE old_vectors;
DROP TABLE old_contents;
ALTER TABLE items DROP COLUMN predicted;
"""
"""Collections of before they could be embedded again."""

FROM_THE_SECOND = "ALTER TABLE pictures ADD COLUMN mask BLOB"
"""Collections of before images could come with a mask."""


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables, all at once or none. Raises CollectionsError for a file of a later Fovea, and sqlite3.Error."""
    if _layout(db) == LAYOUT:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for statement in _missing(db).split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {LAYOUT}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _missing(db: sqlite3.Connection) -> str:
    """The statements that bring a file up to date."""
    layout, schema = _layout(db), SCHEMA + sqlite_projections.SCHEMA
    if layout:
        return FROM_THE_SECOND if layout < LAYOUT else ""
    old = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'collections'").fetchone()
    return FROM_THE_FIRST.format(schema=schema) if old else schema


def _layout(db: sqlite3.Connection) -> int:
    ((layout,),) = db.execute("PRAGMA user_version").fetchall()
    if layout > LAYOUT:
        raise CollectionsError(f"collections.sqlite has layout {layout}, and this version knows {LAYOUT} at most")
    return int(layout)
