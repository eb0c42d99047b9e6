"""Files of every older layout are brought up to date, with everything in them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.collections.collection import Item, Revision
from service.collections.fingerprint import OLDER_VERSION, Fingerprint
from service.collections.projection import Projection, ProjectionFacts
from service.collections.store.sqlite import SqliteStore, arrays, migrations
from service.collections.store.sqlite.collections import VERSION_STEP
from service.collections.store.sqlite.migrations import LAYOUT, MIGRATIONS
from service.errors import CollectionsError, StaleCollection
from tests.collections.samples import WEIGHTS, fingerprint, item

LAYOUT_0 = """
CREATE TABLE collections (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, model TEXT NOT NULL, weights TEXT NOT NULL,
  layer TEXT NOT NULL, dim INTEGER NOT NULL, thumbnails INTEGER NOT NULL, originals INTEGER NOT NULL,
  created REAL NOT NULL, count INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE items (
  id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
  sha256 TEXT NOT NULL, name TEXT NOT NULL, label TEXT NOT NULL, predicted INTEGER NOT NULL,
  thumbnail INTEGER NOT NULL, UNIQUE (collection, sha256));
CREATE INDEX in_order ON items (collection, id);
CREATE TABLE vectors (
  item INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE, features BLOB NOT NULL, pixels BLOB NOT NULL);
CREATE TABLE contents (
  item INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE, arrays BLOB NOT NULL, thumbnail BLOB, original BLOB);
"""

LAYOUT_1 = """
CREATE TABLE collections (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, model TEXT NOT NULL, weights TEXT NOT NULL,
  layer TEXT NOT NULL, dim INTEGER NOT NULL, thumbnails INTEGER NOT NULL, originals INTEGER NOT NULL,
  created REAL NOT NULL, count INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0, coming INTEGER NOT NULL DEFAULT 0, coming_weights TEXT NOT NULL DEFAULT '');
CREATE TABLE items (
  id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
  sha256 TEXT NOT NULL, name TEXT NOT NULL, label TEXT NOT NULL, thumbnail INTEGER NOT NULL,
  UNIQUE (collection, sha256));
CREATE INDEX in_order ON items (collection, id);
CREATE TABLE pictures (
  item INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE, thumbnail BLOB, original BLOB);
CREATE TABLE vectors (
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, version INTEGER NOT NULL, predicted INTEGER NOT NULL,
  features BLOB NOT NULL, pixels BLOB NOT NULL, PRIMARY KEY (item, version));
CREATE TABLE contents (
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, version INTEGER NOT NULL, arrays BLOB NOT NULL,
  PRIMARY KEY (item, version));
CREATE TABLE maps (
  collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE, name TEXT NOT NULL,
  facts TEXT NOT NULL, arrays BLOB NOT NULL, PRIMARY KEY (collection, name));
"""

LAYOUT_2 = LAYOUT_1.replace("original BLOB);", "original BLOB, mask BLOB);")
NUMBER, VERSION = 3, 4
"""Of the collection in the old files, and of its vectors where they have versions."""

ITEMS = {
    5: replace(item(5), original=b"as sent"),
    9: replace(item(9), mask=np.full((3, 3), 0.5, np.float16), thumbnail=None),
}
PROJECTION = Projection(
    ProjectionFacts("pca", 2, {}, {"explained_variance": [0.5, 0.25]}, 2, Revision(NUMBER, 1, 9), 7.5),
    np.array([5, 9]),
    np.array([[1, 2], [3, 4]], np.float32),
    {"mean": np.zeros(8), "components": np.eye(2, 8)},
)


def write_layout_0(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO collections VALUES (?, 'set', 'tiny', ?, 'flatten', 8, 1, 1, 5.5, 2, 1)", (NUMBER, WEIGHTS))
    for item_id, one in ITEMS.items():
        row = item_id, NUMBER, one.sha256, one.name, one.label, one.predicted, one.thumbnail is not None
        db.execute("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        vectors = item_id, one.embedding.astype("<f4").tobytes(), one.pixels.tobytes()
        db.execute("INSERT INTO vectors VALUES (?, ?, ?)", vectors)
        db.execute(
            "INSERT INTO contents VALUES (?, ?, ?, ?)", (item_id, arrays.dumps(one), one.thumbnail, one.original)
        )


def write_versions(db: sqlite3.Connection) -> None:
    """A collection whose current version is VERSION, and one item that newer weights have seen already."""
    db.execute(
        "INSERT INTO collections VALUES (?, 'set', 'tiny', ?, 'flatten', 8, 1, 1, 5.5, 2, 1, ?, ?, ?)",
        (NUMBER, WEIGHTS, VERSION, VERSION + 1, "1a" * 32),
    )
    columns = len(db.execute("PRAGMA table_info(pictures)").fetchall())
    for item_id, one in ITEMS.items():
        row = item_id, NUMBER, one.sha256, one.name, one.label, one.thumbnail is not None
        db.execute("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", row)
        db.execute(
            f"INSERT INTO pictures VALUES ({', '.join('?' * columns)})",
            (item_id, one.thumbnail, one.original, None)[:columns],
        )
        write_vectors(db, item_id, VERSION, one)
    write_vectors(db, 5, VERSION + 1, replace(item(1), predicted=0))
    revision = {"made": NUMBER + VERSION * VERSION_STEP, "removed": 1, "last": 9}
    facts = json.loads(PROJECTION.facts.dumps()) | {"revision": revision, "weights_sha256": WEIGHTS}
    db.execute("INSERT INTO maps VALUES (?, 'pca-2d', ?, ?)", (NUMBER, json.dumps(facts), PROJECTION.dumps()))


def write_vectors(db: sqlite3.Connection, item_id: int, version: int, one: Item) -> None:
    vectors = item_id, version, one.predicted, one.embedding.astype("<f4").tobytes(), one.pixels.tobytes()
    db.execute("INSERT INTO vectors VALUES (?, ?, ?, ?, ?)", vectors)
    db.execute("INSERT INTO contents VALUES (?, ?, ?)", (item_id, version, arrays.dumps(one)))


Write = Callable[[sqlite3.Connection], None]
OLD_LAYOUTS: dict[int, tuple[str, Write]] = {
    0: (LAYOUT_0, write_layout_0),
    1: (LAYOUT_1, write_versions),
    2: (LAYOUT_2, write_versions),
}


def old_file(folder: Path, layout: int) -> None:
    schema, write = OLD_LAYOUTS[layout]
    folder.mkdir(exist_ok=True)
    with sqlite3.connect(folder / "collections.sqlite") as db:
        db.executescript(schema)
        write(db)
        db.execute(f"PRAGMA user_version = {layout}")
    db.close()


def same(one: Item, other: Item) -> bool:
    return all(
        np.array_equal(value, getattr(other, name)) if isinstance(value, np.ndarray) else value == getattr(other, name)
        for name, value in vars(one).items()
    )


def test_every_older_layout_is_tested() -> None:
    assert list(OLD_LAYOUTS) == [0, *(migration.layout for migration in MIGRATIONS)][:-1]
    assert MIGRATIONS[-1].layout == LAYOUT


@pytest.mark.parametrize("layout", OLD_LAYOUTS)
def test_nothing_is_lost(tmp_path: Path, layout: int) -> None:
    old_file(tmp_path, layout)
    for _ in range(2):
        store = SqliteStore(tmp_path)
        found = store.collections.get("set")
        assert (found.model, found.dim, found.thumbnails, found.originals) == ("tiny", 8, True, True)
        assert (found.created, found.count) == (5.5, 2)
        generation = NUMBER + (VERSION if layout else 0) * VERSION_STEP
        assert store.collections.revision("set") == Revision(generation, 1, 9)
        assert all(same(store.items.get("set", item_id), one) for item_id, one in ITEMS.items())
        ids, vectors = store.items.vectors("set", "features")
        assert ids.tolist() == [5, 9]
        assert np.array_equal(vectors, np.stack([one.embedding for one in ITEMS.values()]))
        for projection in store.projections.all("set"):
            kept = store.projections.get("set", projection.name)
            assert replace(kept.facts, revision=PROJECTION.facts.revision) == PROJECTION.facts
            assert kept.facts.revision == store.collections.revision("set"), "it is not outdated"
            assert np.array_equal(kept.coordinates, PROJECTION.coordinates)
        assert len(store.projections.all("set")) == (layout > 0)
        assert store.connection.rows("PRAGMA foreign_key_check") == []
        store.close()


@pytest.mark.parametrize("layout", OLD_LAYOUTS)
def test_the_tables_are_those_of_a_new_file(tmp_path: Path, layout: int) -> None:
    """The same columns with the same types, defaults and keys; their order may differ."""
    old_file(tmp_path / "old", layout)
    found = []
    for folder in (tmp_path / "old", tmp_path / "new"):
        store = SqliteStore(folder)
        tables = [row[0] for row in store.connection.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {
            table: {row[1]: row[2:] for row in store.connection.rows(f"PRAGMA table_info({table})")} for table in tables
        }
        for column in ("fingerprint", "coming_fingerprint"):  # an added column needs a default
            name, required, _, key = columns["collections"][column]
            columns["collections"][column] = (name, required, key)
        found.append(columns)
        store.close()
    assert found[0] == found[1]


@pytest.mark.parametrize("layout", OLD_LAYOUTS)
def test_what_the_vectors_depend_on_is_unknown_and_embedding_again_records_it(tmp_path: Path, layout: int) -> None:
    """A re-embedding that was under way starts anew: its weights do not say by which frame its items were seen."""
    old_file(tmp_path, layout)
    store = SqliteStore(tmp_path)
    assert store.collections.get("set").fingerprint == Fingerprint(weights_sha256=WEIGHTS, layer="flatten")
    assert store.collections.get("set").fingerprint.changes(fingerprint()) == [OLDER_VERSION]
    now = fingerprint("1a" * 32)
    with pytest.raises(StaleCollection):
        store.items.add("set", [item(1)], now)
    store.reembeddings.begin("set", now)
    assert store.reembeddings.pending("set") == [5, 9]
    store.reembeddings.save("set", now, {5: item(50), 9: item(90)})
    assert store.reembeddings.finish("set", replace(store.collections.get("set"), fingerprint=now))
    store.close()
    store = SqliteStore(tmp_path)
    assert store.collections.get("set").fingerprint == now
    assert np.array_equal(store.items.get("set", 9).embedding, item(90).embedding)
    assert store.items.get("set", 5).original == b"as sent"
    store.close()


def test_masks_can_be_stored_afterwards(tmp_path: Path) -> None:
    old_file(tmp_path, 1)
    for mask in (None, b"mask"):
        store = SqliteStore(tmp_path)
        (added,) = store.items.add("set", [replace(item(2), mask_original=mask)])
        assert store.items.get("set", added.id).mask_original == mask
        store.items.remove("set", added.id)
        store.close()


def test_a_failing_step_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a step commits on its own, as `executescript` does (tried)."""

    def fail(db: sqlite3.Connection) -> None:
        last.run(db)
        raise sqlite3.OperationalError("the disk fails")

    old_file(tmp_path, 0)
    last = MIGRATIONS[-1]
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS[:-1], replace(last, run=fail)))
        with pytest.raises(CollectionsError, match="the disk fails"):
            SqliteStore(tmp_path)
    with sqlite3.connect(tmp_path / "collections.sqlite") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (0,)
        assert db.execute("SELECT weights FROM collections").fetchall() == [(WEIGHTS,)]
    db.close()


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    with sqlite3.connect(tmp_path / "collections.sqlite") as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(CollectionsError, match="layout 9"):
        SqliteStore(tmp_path)
