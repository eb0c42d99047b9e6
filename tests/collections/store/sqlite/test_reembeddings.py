"""What new weights saw takes the place of the old at once; files of before there was such a thing are taken over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.collections.collection import Item
from service.collections.fingerprint import Fingerprint
from service.collections.store.sqlite import SqliteStore, items, reembeddings
from service.collections.vector_index import VectorIndex
from service.errors import StaleCollection, UnknownName
from tests.collections.samples import collection, fingerprint, item

OLD = replace(collection(), originals=True)
NEW, NEWER = fingerprint("1a" * 32), fingerprint("2b" * 32)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    store.collections.create(OLD)
    yield store
    store.close()


def again(number: int, shift: float, dim: int = 8) -> Item:
    """An item as other weights see it: every number of its vector is `shift`."""
    return replace(item(number), predicted=0, embedding=np.full(dim, shift, np.float32))


def reembed(store: SqliteStore, target: Fingerprint, shift: float, dim: int = 8) -> None:
    store.reembeddings.begin("set", target)
    store.reembeddings.save("set", target, {one: again(one, shift, dim) for one in store.reembeddings.pending("set")})
    assert store.reembeddings.finish("set", replace(OLD, fingerprint=target, dim=dim))


def test_nothing_changes_until_all_is_there_and_then_all_does(store: SqliteStore) -> None:
    ids = [one.id for one in store.items.add("set", [item(number) for number in range(5)])]
    before = store.collections.revision("set")
    store.reembeddings.begin("set", NEW)
    store.reembeddings.save("set", NEW, {one: again(one, 7, 6) for one in ids[:4]})
    assert store.reembeddings.pending("set") == ids[4:]
    assert not store.reembeddings.finish("set", replace(OLD, fingerprint=NEW, dim=6))
    assert (store.collections.revision("set"), store.collections.get("set").fingerprint) == (before, OLD.fingerprint)
    assert np.array_equal(store.items.vectors("set", "features")[1], np.stack([item(n).embedding for n in range(5)]))
    store.reembeddings.begin("set", NEW)  # somebody goes on where this stopped
    assert store.reembeddings.pending("set") == ids[4:]
    store.reembeddings.save("set", NEW, {ids[4]: again(4, 7, 6)})
    assert store.reembeddings.finish("set", replace(OLD, fingerprint=NEW, dim=6))
    found, vectors = store.items.vectors("set", "features")
    assert (found.tolist(), vectors.tolist()) == (ids, [[7.0] * 6] * 5)
    assert [line.predicted for line in store.items.page("set")] == [0] * 5
    assert store.collections.get("set") == replace(
        OLD, fingerprint=NEW, dim=6, count=5, created=store.collections.get("set").created
    )
    assert store.collections.revision("set").generation != before.generation
    assert [one.thumbnail for _, one in store.items.all("set")] == [item(n).thumbnail for n in range(5)]


def test_what_came_and_went_meanwhile(store: SqliteStore) -> None:
    first, second = (one.id for one in store.items.add("set", [item(1), item(2)]))
    store.reembeddings.begin("set", NEW)
    store.reembeddings.save("set", NEW, {first: again(1, 7), second: again(2, 7)})
    store.items.remove("set", first)
    store.reembeddings.save("set", NEW, {first: again(1, 7)})  # its number is given to nobody
    (third,) = (one.id for one in store.items.add("set", [item(3)], OLD.fingerprint))
    assert not store.reembeddings.finish("set", replace(OLD, fingerprint=NEW))
    store.reembeddings.save("set", NEW, {third: again(3, 7)})
    assert store.reembeddings.finish("set", replace(OLD, fingerprint=NEW))
    assert store.items.vectors("set", "features")[0].tolist() == [second, third]
    with pytest.raises(StaleCollection, match="another model since a moment ago"):
        store.items.add("set", [item(4)], OLD.fingerprint)
    assert store.collections.get("set").count == 2


def test_who_renews_for_other_weights_starts_anew_and_ends_the_first(store: SqliteStore) -> None:
    (one,) = (one.id for one in store.items.add("set", [item(1)]))
    store.reembeddings.begin("set", NEW)
    store.reembeddings.save("set", NEW, {one: again(1, 7)})
    store.reembeddings.begin("set", NEWER)
    assert store.reembeddings.pending("set") == [one]
    for late in (
        lambda: store.reembeddings.save("set", NEW, {one: again(1, 7)}),
        lambda: store.reembeddings.finish("set", replace(OLD, fingerprint=NEW)),
    ):
        with pytest.raises(StaleCollection, match="another model, or was already"):
            late()
    store.collections.delete("set")
    with pytest.raises(UnknownName):
        store.reembeddings.save("set", NEWER, {one: again(1, 7)})


def test_what_is_left_over_is_swept_page_by_page(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reembeddings, "ITEMS_PER_DELETION", 2)
    store.items.add("set", [item(number) for number in range(5)])
    reembed(store, NEW, 7)
    store.reembeddings.begin("set", NEWER)
    store.reembeddings.save("set", NEWER, {1: again(1, 8)})
    after: int | None = 0
    while after is not None:
        after = store.reembeddings.delete_leftovers("set", after)
    rows = store.connection.rows("SELECT item, version FROM vectors ORDER BY item, version")
    assert rows == [(1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (5, 1)]
    assert store.connection.rows("SELECT item, version FROM contents ORDER BY item, version") == rows


def switching(store: SqliteStore, writer: SqliteStore, moment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """New weights, and nothing left of the old, between two looks at the disk."""
    rows, calls = store.connection.rows, iter(range(1000))

    def switch(query: str, *values: object) -> list[object]:
        if next(calls) == moment:
            reembed(writer, NEW, 2)
            writer.reembeddings.delete_leftovers("set")
        return rows(query, *values)

    monkeypatch.setattr(store.connection, "rows", switch)


@pytest.mark.parametrize("moment", range(16))
@pytest.mark.parametrize("later", [0, 1])
def test_no_search_mixes_old_and_new(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int, later: int
) -> None:
    """Whenever they change. later: images came since the last search.

    Fails where the index reads the revision only once (tried).
    """
    monkeypatch.setattr(items, "VECTORS_PER_READ", 3)
    store.items.add("set", [again(number, 1) for number in range(9)])
    writer, index = SqliteStore(tmp_path), VectorIndex(store, "set", "features", "l2")
    if later:
        index.search(np.ones(8, np.float32), 5)
        store.items.add("set", [again(number, 1) for number in range(9, 16)])
    switching(store, writer, moment, monkeypatch)
    index.search(np.ones(8, np.float32), 5)
    vectors = np.concatenate([part.vectors for part in index._parts])
    assert (len(vectors), float(np.ptp(vectors))) == (16 if later else 9, 0)
    writer.close()


@pytest.mark.parametrize("moment", range(8))
def test_vectors_are_all_of_one_version(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Fails where `vectors` reads the revision only once (tried)."""
    monkeypatch.setattr(items, "VECTORS_PER_READ", 3)
    store.items.add("set", [again(number, 1) for number in range(9)])
    writer = SqliteStore(tmp_path)
    switching(store, writer, moment, monkeypatch)
    ids, vectors = store.items.vectors("set", "features")
    assert (len(ids), float(np.ptp(vectors))) == (9, 0)
    writer.close()


def test_a_vector_of_another_size_is_stale(store: SqliteStore) -> None:
    store.items.add("set", [item(1)])
    with pytest.raises(StaleCollection):
        VectorIndex(store, "set", "features", "l2").search(np.ones(9, np.float32), 5)
