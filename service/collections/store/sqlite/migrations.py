"""The tables of the SQLite file, and the steps that bring a file with older tables up to date."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from service.collections.fingerprint import Fingerprint
from service.errors import CollectionsError

SCHEMA = """
CREATE TABLE collections (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, model TEXT NOT NULL, fingerprint TEXT NOT NULL,
  dim INTEGER NOT NULL, thumbnails INTEGER NOT NULL, originals INTEGER NOT NULL, created REAL NOT NULL,
  count INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0,
  coming INTEGER NOT NULL DEFAULT 0, coming_fingerprint TEXT NOT NULL DEFAULT '');
CREATE TABLE items (
  id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
  sha256 TEXT NOT NULL, name TEXT NOT NULL, label TEXT NOT NULL, thumbnail INTEGER NOT NULL,
  UNIQUE (collection, sha256));
CREATE INDEX in_order ON items (collection, id);
CREATE TABLE pictures (
  item INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE, thumbnail BLOB, original BLOB, mask BLOB);
CREATE TABLE vectors (
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, version INTEGER NOT NULL, predicted INTEGER NOT NULL,
  features BLOB NOT NULL, pixels BLOB NOT NULL, PRIMARY KEY (item, version));
CREATE TABLE contents (
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, version INTEGER NOT NULL, arrays BLOB NOT NULL,
  PRIMARY KEY (item, version));
CREATE TABLE projections (
  collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE, name TEXT NOT NULL,
  facts TEXT NOT NULL, arrays BLOB NOT NULL, PRIMARY KEY (collection, name));
"""
"""The tables of a new file. What a model computed of an item has a version: the collection's `version` is the current
one; `coming` is being made by a model with `coming_fingerprint`; others are left over."""

VERSIONED_TABLES = """
ALTER TABLE collections ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE collections ADD COLUMN coming INTEGER NOT NULL DEFAULT 0;
ALTER TABLE collections ADD COLUMN coming_weights TEXT NOT NULL DEFAULT '';
ALTER TABLE vectors RENAME TO old_vectors;
ALTER TABLE contents RENAME TO old_contents;
CREATE TABLE pictures (
  item INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE, thumbnail BLOB, original BLOB);
CREATE TABLE vectors (
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, version INTEGER NOT NULL, predicted INTEGER NOT NULL,
  features BLOB NOT NULL, pixels BLOB NOT NULL, PRIMARY KEY (item, version));
CREATE TABLE contents (
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, version INTEGER NOT NULL, arrays BLOB NOT NULL,
  PRIMARY KEY (item, version));
CREATE TABLE IF NOT EXISTS maps (
  collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE, name TEXT NOT NULL,
  facts TEXT NOT NULL, arrays BLOB NOT NULL, PRIMARY KEY (collection, name));
INSERT INTO pictures SELECT item, thumbnail, original FROM old_contents;
INSERT INTO vectors SELECT item, 0, predicted, features, pixels FROM old_vectors JOIN items ON items.id = item;
INSERT INTO contents SELECT item, 0, arrays FROM old_contents;
DROP TABLE old_vectors;
DROP TABLE old_contents;
ALTER TABLE items DROP COLUMN predicted;
"""

FINGERPRINT_COLUMNS = """
ALTER TABLE collections ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE collections ADD COLUMN coming_fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE maps RENAME TO projections;
"""

OLD_COLUMNS = """
ALTER TABLE collections DROP COLUMN weights;
ALTER TABLE collections DROP COLUMN layer;
ALTER TABLE collections DROP COLUMN coming_weights;
"""


@dataclass(frozen=True)
class Migration:
    """A step from the layout before to `layout`. run: makes the change, inside a transaction."""

    layout: int
    run: Callable[[sqlite3.Connection], None]


def _script(statements: str) -> Callable[[sqlite3.Connection], None]:
    """Statements one by one: `executescript` would commit the transaction."""

    def run(db: sqlite3.Connection) -> None:
        for statement in statements.split(";"):
            db.execute(statement)

    return run


def _record_fingerprints(db: sqlite3.Connection) -> None:
    """Weights and layer become part of a fingerprint whose other parts are unknown; projections lose their weights.

    A re-embedding that was under way starts again: its weights alone do not tell whether it may continue.
    """
    _script(FINGERPRINT_COLUMNS)(db)
    for number, weights, layer in db.execute("SELECT id, weights, layer FROM collections").fetchall():
        text = Fingerprint(weights_sha256=weights, layer=layer).model_dump_json()
        db.execute("UPDATE collections SET fingerprint = ? WHERE id = ?", (text, number))
    for collection, name, text in db.execute("SELECT collection, name, facts FROM projections").fetchall():
        facts = json.loads(text)
        del facts["weights_sha256"]
        made, removed, last = (facts["revision"][key] for key in ("made", "removed", "last"))
        facts["revision"] = {"generation": made, "removed": removed, "last_id": last}
        key = (json.dumps(facts), collection, name)
        db.execute("UPDATE projections SET facts = ? WHERE collection = ? AND name = ?", key)
    _script(OLD_COLUMNS)(db)


MIGRATIONS = (
    Migration(1, _script(VERSIONED_TABLES)),
    Migration(2, _script("ALTER TABLE pictures ADD COLUMN mask BLOB")),
    Migration(3, _record_fingerprints),
)
"""From files without versions of vectors, without masks, and without fingerprints."""

LAYOUT = MIGRATIONS[-1].layout
"""The layout that this version writes; the file has it as `user_version`."""


def migrate(db: sqlite3.Connection) -> None:
    """Create the tables or bring them up to date, completely or not at all.

    Raises CollectionsError for a file of a later version of Fovea, and sqlite3.Error.
    """
    if _layout(db) == LAYOUT:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'collections'").fetchone():
            layout = _layout(db)
            for migration in MIGRATIONS:
                if migration.layout > layout:
                    migration.run(db)
        else:
            _script(SCHEMA)(db)
        db.execute(f"PRAGMA user_version = {LAYOUT}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _layout(db: sqlite3.Connection) -> int:
    ((layout,),) = db.execute("PRAGMA user_version").fetchall()
    if layout > LAYOUT:
        raise CollectionsError(
            f"collections.sqlite has layout {layout}, which a later version of Fovea wrote; this version reads layouts"
            f" up to {LAYOUT}"
        )
    return int(layout)
