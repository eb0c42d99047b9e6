"""A shelf says what comparing everything says, whatever came, went, or is being grouped at the moment."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from service.collections import vector_index
from service.collections.collection import Revision
from service.collections.neighbours import InvertedFile
from service.collections.vector_index import VectorIndex

DIM = 8


@dataclass
class Vectors:
    """The two methods of a store that a shelf needs. reads: how many vectors were read each time."""

    rows: dict[int, np.ndarray] = field(default_factory=dict)
    made: int = 1
    removed: int = 0
    last: int = 0
    reads: list[int] = field(default_factory=list)

    def add(self, count: int) -> None:
        for row in np.random.default_rng(self.last).normal(size=(count, DIM)).astype("f4"):
            self.last += 1
            self.rows[self.last] = row

    def remove(self, number: int) -> None:
        del self.rows[number]
        self.removed += 1

    def revision(self, name: str) -> Revision:
        return Revision(self.made, self.removed, self.last)

    def vectors(self, name: str, space: str, after: int) -> tuple[np.ndarray, np.ndarray]:
        ids = [one for one in self.rows if one > after]
        self.reads.append(len(ids))
        return np.array(ids, np.int64), np.array([self.rows[one] for one in ids], "f4").reshape(-1, DIM)

    def nearest(self, query: np.ndarray, k: int) -> list[int]:
        return sorted(self.rows, key=lambda one: (float(((self.rows[one] - query) ** 2).sum()), one))[:k]


def found(shelf: VectorIndex, store: Vectors, query: np.ndarray, k: int = 5) -> list[int]:
    return [one for one in shelf.search(query, k).ids.tolist() if one in store.rows][:k]


@pytest.fixture
def store() -> Vectors:
    return Vectors()


def grouped(shelf: VectorIndex) -> None:
    if thread := shelf.grouping:
        thread.join(20)


def test_an_empty_shelf_finds_nothing(store: Vectors) -> None:
    assert VectorIndex(store, "set", "features", "l2").search(np.ones(DIM, "f4"), 3).ids.tolist() == []  # type: ignore[arg-type]


@pytest.mark.parametrize("exact", [10_000, 40])
def test_what_comes_and_goes_is_seen_at_once(store: Vectors, exact: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all groups probed, so that grouping must not change an answer. Tried: not asking for more than k for those
    removed, forgetting what came while others were grouped, not reading anew what was made anew."""
    monkeypatch.setattr(vector_index.InvertedFile, "of", _every_group_probed(InvertedFile.of))
    shelf = VectorIndex(store, "set", "features", "l2", exact)  # type: ignore[arg-type]
    random = np.random.default_rng(3)
    for step in range(60):
        change = random.integers(0, 4)
        if change == 0 and len(store.rows) > 8:
            for number in random.choice(list(store.rows), 3, replace=False):
                store.remove(int(number))
        elif change == 1 and step % 9 == 8:
            store.rows.clear()
            store.made, store.removed = store.made + 1, 0
        elif change > 1:
            store.add(int(random.integers(1, 30)))
        if step % 7 == 0:
            grouped(shelf)
        query = random.normal(size=DIM).astype("f4")
        assert found(shelf, store, query) == store.nearest(query, 5)
    grouped(shelf)


def test_what_was_made_anew_while_it_was_grouped_stays_new(store: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    go, begun, make = threading.Event(), threading.Event(), InvertedFile.of

    def slow(ids, vectors, metric, exact):  # type: ignore[no-untyped-def]
        if exact < len(ids):
            begun.set()
            assert go.wait(20)
        return make(ids, vectors, metric, exact, groups=4)

    monkeypatch.setattr(vector_index.InvertedFile, "of", slow)
    shelf = VectorIndex(store, "set", "features", "l2", exact=50)  # type: ignore[arg-type]
    store.add(100)
    shelf.search(store.rows[1], 1)
    assert begun.wait(20)
    store.rows.clear()
    store.made = 2
    store.add(30)
    assert found(shelf, store, store.rows[101], 1) == [101]
    go.set()
    grouped(shelf)
    assert shelf.search(store.rows[101], 40).ids.min() == 101


def _every_group_probed(make):  # type: ignore[no-untyped-def]
    def of(ids, vectors, metric, exact):  # type: ignore[no-untyped-def]
        return make(ids, vectors, metric, exact, groups=min(4, max(1, len(ids))))

    return of


def test_only_what_came_is_read_and_a_large_shelf_is_grouped_behind_the_answers(store: Vectors) -> None:
    shelf = VectorIndex(store, "set", "features", "cosine", exact=50)  # type: ignore[arg-type]
    store.add(40)
    assert shelf.search(store.rows[7], 1).exact
    store.add(3000)
    assert shelf.search(store.rows[2000], 1).ids.tolist() == [2000]  # not grouped yet: compared exactly
    grouped(shelf)
    after = shelf.search(store.rows[2000], 1)
    assert after.ids.tolist() == [2000]
    assert not after.exact
    store.add(1)
    assert found(shelf, store, store.rows[store.last], 1) == [store.last]
    assert store.reads == [40, 3000, 1]
