"""A vector index gives what comparing everything gives, whatever is added, removed or clustered at the moment."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from service.collections import vector_index
from service.collections.collection import Revision
from service.collections.inverted_file import InvertedFile
from service.collections.vector_index import VectorIndex

DIM = 8


@dataclass
class Vectors:
    """The two methods of a store that an index needs. reads: how many vectors were read each time."""

    rows: dict[int, np.ndarray] = field(default_factory=dict)
    made: int = 1
    removed: int = 0
    last: int = 0
    reads: list[int] = field(default_factory=list)

    @property
    def collections(self) -> Vectors:
        return self

    @property
    def items(self) -> Vectors:
        return self

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


def found(index: VectorIndex, store: Vectors, query: np.ndarray, k: int = 5) -> list[int]:
    return [one for one in index.search(query, k).ids.tolist() if one in store.rows][:k]


@pytest.fixture
def store() -> Vectors:
    return Vectors()


def grouped(index: VectorIndex) -> None:
    if thread := index.clustering:
        thread.join(20)


def test_an_empty_index_finds_nothing(store: Vectors) -> None:
    assert VectorIndex(store, "set", "features", "l2").search(np.ones(DIM, "f4"), 3).ids.tolist() == []  # type: ignore[arg-type]


@pytest.mark.parametrize("exact", [10_000, 40])
def test_what_comes_and_goes_is_seen_at_once(store: Vectors, exact: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all groups probed, so that grouping must not change an answer. Tried: not asking for more than k for those
    removed, forgetting what came while others were grouped, not reading anew what was made anew."""
    monkeypatch.setattr(vector_index.InvertedFile, "build", _every_group_probed(InvertedFile.build))
    index = VectorIndex(store, "set", "features", "l2", exact)  # type: ignore[arg-type]
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
            grouped(index)
        query = random.normal(size=DIM).astype("f4")
        assert found(index, store, query) == store.nearest(query, 5)
    grouped(index)


def test_what_was_made_anew_while_it_was_grouped_stays_new(store: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    go, begun, make = threading.Event(), threading.Event(), InvertedFile.build

    def slow(ids, vectors, metric, max_exact):  # type: ignore[no-untyped-def]
        if max_exact < len(ids):
            begun.set()
            assert go.wait(20)
        return make(ids, vectors, metric, max_exact, groups=4)

    monkeypatch.setattr(vector_index.InvertedFile, "build", slow)
    index = VectorIndex(store, "set", "features", "l2", max_exact=50)  # type: ignore[arg-type]
    store.add(100)
    index.search(store.rows[1], 1)
    assert begun.wait(20)
    store.rows.clear()
    store.made = 2
    store.add(30)
    assert found(index, store, store.rows[101], 1) == [101]
    go.set()
    grouped(index)
    assert index.search(store.rows[101], 40).ids.min() == 101


def _every_group_probed(make):  # type: ignore[no-untyped-def]
    def build(ids, vectors, metric, max_exact):  # type: ignore[no-untyped-def]
        return make(ids, vectors, metric, max_exact, groups=min(4, max(1, len(ids))))

    return build


def test_only_what_came_is_read_and_a_large_index_is_grouped_behind_the_answers(store: Vectors) -> None:
    index = VectorIndex(store, "set", "features", "cosine", max_exact=50)  # type: ignore[arg-type]
    store.add(40)
    assert index.search(store.rows[7], 1).exact
    store.add(3000)
    assert index.search(store.rows[2000], 1).ids.tolist() == [2000]  # not grouped yet: compared exactly
    grouped(index)
    after = index.search(store.rows[2000], 1)
    assert after.ids.tolist() == [2000]
    assert not after.exact
    store.add(1)
    assert found(index, store, store.rows[store.last], 1) == [store.last]
    assert store.reads == [40, 3000, 1]
