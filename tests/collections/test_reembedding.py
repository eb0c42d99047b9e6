"""What new weights saw takes the place of the old at once; files of before there was such a thing are taken over."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.collections.collection import Collection, Item
from service.collections.store import sqlite, sqlite_reembedding
from service.collections.store.sqlite import SqliteStore
from service.collections.vector_index import VectorIndex
from service.errors import CollectionsError, StaleCollection, UnknownName
from tests.collections.store.test_sqlite import WEIGHTS, item

NEW, NEWER = "1a" * 32, "2b" * 32
OLD = Collection("set", "tiny", WEIGHTS, "flatten", 8, originals=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    store.create(OLD)
    yield store
    store.close()


def again(number: int, shift: float, dim: int = 8) -> Item:
    """An item as other weights see it: every number of its vector is `shift`."""
    return replace(item(number), predicted=0, embedding=np.full(dim, shift, np.float32))


def renewed(store: SqliteStore, weights: str, shift: float, dim: int = 8) -> None:
    store.begin_reembedding("set", weights)
    store.renew("set", weights, {one: again(one, shift, dim) for one in store.not_reembedded("set")})
    assert store.finish_reembedding("set", replace(OLD, weights_sha256=weights, dim=dim))


def test_nothing_changes_until_all_is_there_and_then_all_does(store: SqliteStore) -> None:
    ids = [one.id for one in store.add("set", [item(number) for number in range(5)])]
    before = store.revision("set")
    store.begin_reembedding("set", NEW)
    store.renew("set", NEW, {one: again(one, 7, 6) for one in ids[:4]})
    assert store.not_reembedded("set") == ids[4:]
    assert not store.finish_reembedding("set", replace(OLD, weights_sha256=NEW, dim=6))
    assert (store.revision("set"), store.collection("set").weights_sha256) == (before, WEIGHTS)
    assert np.array_equal(store.vectors("set", "features")[1], np.stack([item(n).embedding for n in range(5)]))
    store.begin_reembedding("set", NEW)  # somebody goes on where this stopped
    assert store.not_reembedded("set") == ids[4:]
    store.renew("set", NEW, {ids[4]: again(4, 7, 6)})
    assert store.finish_reembedding("set", replace(OLD, weights_sha256=NEW, layer="2", dim=6))
    found, vectors = store.vectors("set", "features")
    assert (found.tolist(), vectors.tolist()) == (ids, [[7.0] * 6] * 5)
    assert [line.predicted for line in store.lines("set")] == [0] * 5
    assert store.collection("set") == replace(
        OLD, weights_sha256=NEW, layer="2", dim=6, count=5, created=store.collection("set").created
    )
    assert store.revision("set").made != before.made
    assert [one.thumbnail for _, one in store.items("set")] == [item(n).thumbnail for n in range(5)]


def test_what_came_and_went_meanwhile(store: SqliteStore) -> None:
    first, second = (one.id for one in store.add("set", [item(1), item(2)]))
    store.begin_reembedding("set", NEW)
    store.renew("set", NEW, {first: again(1, 7), second: again(2, 7)})
    store.remove("set", first)
    store.renew("set", NEW, {first: again(1, 7)})  # its number is given to nobody
    (third,) = (one.id for one in store.add("set", [item(3)], WEIGHTS))
    assert not store.finish_reembedding("set", replace(OLD, weights_sha256=NEW))
    store.renew("set", NEW, {third: again(3, 7)})
    assert store.finish_reembedding("set", replace(OLD, weights_sha256=NEW))
    assert store.vectors("set", "features")[0].tolist() == [second, third]
    with pytest.raises(StaleCollection, match="other weights since a moment ago"):
        store.add("set", [item(4)], WEIGHTS)
    assert store.collection("set").count == 2


def test_who_renews_for_other_weights_starts_anew_and_ends_the_first(store: SqliteStore) -> None:
    (one,) = (one.id for one in store.add("set", [item(1)]))
    store.begin_reembedding("set", NEW)
    store.renew("set", NEW, {one: again(1, 7)})
    store.begin_reembedding("set", NEWER)
    assert store.not_reembedded("set") == [one]
    for late in (
        lambda: store.renew("set", NEW, {one: again(1, 7)}),
        lambda: store.finish_reembedding("set", replace(OLD, weights_sha256=NEW)),
    ):
        with pytest.raises(StaleCollection, match="meanwhile"):
            late()
    store.delete("set")
    with pytest.raises(UnknownName):
        store.renew("set", NEWER, {one: again(1, 7)})


def test_what_is_left_over_is_swept_page_by_page(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reembedding, "SWEPT", 2)
    store.add("set", [item(number) for number in range(5)])
    renewed(store, NEW, 7)
    store.begin_reembedding("set", NEWER)
    store.renew("set", NEWER, {1: again(1, 8)})
    swept: int | None = 0
    while swept is not None:
        swept = store.sweep("set", swept)
    rows = store._all("SELECT item, version FROM vectors ORDER BY item, version")
    assert rows == [(1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (5, 1)]
    assert store._all("SELECT item, version FROM contents ORDER BY item, version") == rows


def switching(store: SqliteStore, writer: SqliteStore, moment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """New weights, and nothing left of the old, between two looks at the disk."""
    ask, calls = store._all, iter(range(1000))

    def asked(query: str, *values: object) -> list[object]:
        if next(calls) == moment:
            renewed(writer, NEW, 2)
            writer.sweep("set")
        return ask(query, *values)

    monkeypatch.setattr(store, "_all", asked)


@pytest.mark.parametrize("moment", range(16))
@pytest.mark.parametrize("later", [0, 1])
def test_no_search_mixes_old_and_new(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int, later: int
) -> None:
    """Whenever they change. later: images came since the last search. Fails where the shelf looks but once (tried)."""
    monkeypatch.setattr(sqlite, "PAGE", 3)
    store.add("set", [again(number, 1) for number in range(9)])
    writer, shelf = SqliteStore(tmp_path), VectorIndex(store, "set", "features", "l2")
    if later:
        shelf.search(np.ones(8, np.float32), 5)
        store.add("set", [again(number, 1) for number in range(9, 16)])
    switching(store, writer, moment, monkeypatch)
    shelf.search(np.ones(8, np.float32), 5)
    vectors = np.concatenate([index.vectors for index in shelf._indexes])
    assert (len(vectors), float(np.ptp(vectors))) == (16 if later else 9, 0)
    writer.close()


@pytest.mark.parametrize("moment", range(8))
def test_vectors_are_all_of_one_version(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Fails where `vectors` looks but once (tried)."""
    monkeypatch.setattr(sqlite, "PAGE", 3)
    store.add("set", [again(number, 1) for number in range(9)])
    writer = SqliteStore(tmp_path)
    switching(store, writer, moment, monkeypatch)
    ids, vectors = store.vectors("set", "features")
    assert (len(ids), float(np.ptp(vectors))) == (9, 0)
    writer.close()


def test_a_vector_of_another_size_is_stale(store: SqliteStore) -> None:
    store.add("set", [item(1)])
    with pytest.raises(StaleCollection):
        VectorIndex(store, "set", "features", "l2").search(np.ones(9, np.float32), 5)


FIRST = """
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


def of_the_first_layout(folder: Path, source: SqliteStore) -> None:
    """A file with the same collection and items, as it was written before there were versions."""
    with sqlite3.connect(folder / "collections.sqlite") as db:
        db.executescript(FIRST)
        db.execute("INSERT INTO collections VALUES (3, 'set', 'tiny', ?, 'flatten', 8, 1, 1, 5.5, 2, 1)", (WEIGHTS,))
        for row in source._all(
            "SELECT items.id, sha256, name, label, predicted, items.thumbnail, features, pixels, arrays,"
            " pictures.thumbnail, original FROM items JOIN vectors ON vectors.item = items.id"
            " JOIN contents ON contents.item = items.id JOIN pictures ON pictures.item = items.id"
        ):
            db.execute("INSERT INTO items VALUES (?, 3, ?, ?, ?, ?, ?)", row[:6])
            db.execute("INSERT INTO vectors VALUES (?, ?, ?)", (row[0], *row[6:8]))
            db.execute("INSERT INTO contents VALUES (?, ?, ?, ?)", (row[0], *row[8:]))
    db.close()


def test_a_file_of_the_first_layout_is_taken_over(store: SqliteStore, tmp_path: Path) -> None:
    first, second = (one.id for one in store.add("set", [item(1), replace(item(2), original=b"as sent")]))
    (tmp_path / "old").mkdir()
    of_the_first_layout(tmp_path / "old", store)
    for _ in range(2):
        old = SqliteStore(tmp_path / "old")
        assert old.collection("set") == replace(OLD, created=5.5, count=2)
        assert old.revision("set") == replace(store.revision("set"), made=3, removed=1)
        assert old.lines("set") == store.lines("set")
        assert (old.item("set", second).original, old.thumbnail("set", first)) == (b"as sent", item(1).thumbnail)
        assert np.array_equal(old.item("set", first).maps, item(1).maps)
        assert np.array_equal(old.vectors("set", "features")[1], store.vectors("set", "features")[1])
        old.close()
    old = SqliteStore(tmp_path / "old")
    old.remove("set", first)
    renewed(old, NEW, 7)
    assert old._all("PRAGMA foreign_key_check") == []
    assert "mask" in [row[1] for row in old._all("PRAGMA table_info(pictures)")]
    old._db.execute("PRAGMA user_version = 9")
    old.close()
    with pytest.raises(CollectionsError, match="layout 9"):
        SqliteStore(tmp_path / "old")


def test_a_file_of_before_masks_is_taken_over(store: SqliteStore, tmp_path: Path) -> None:
    (first,) = (one.id for one in store.add("set", [replace(item(1), original=b"as sent")]))
    store._db.execute("ALTER TABLE pictures DROP COLUMN mask")
    store._db.execute("PRAGMA user_version = 1")
    for mask in (None, b"mask"):
        again = SqliteStore(tmp_path)
        assert (again.item("set", first).original, again.item("set", first).mask_original) == (b"as sent", None)
        (second,) = (one.id for one in again.add("set", [replace(item(2), mask_original=mask)]))
        assert again.item("set", second).mask_original == mask
        again.remove("set", second)
        again.close()
