"""The vectors of one collection in memory: read once, joined by what comes, grouped behind the answers.

Nobody waits for grouping: what is not grouped yet is compared exactly.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import Revision
from service.collections.neighbours import EXACT, Floats, InvertedFile, Metric
from service.collections.store.interface import Space, Store
from service.errors import StaleCollection

MAX_REMOVED = 1000
"""Items removed since the vectors were read, beyond which they are read anew."""

NOTHING = Revision(0, 0, 0)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchResult:
    """ids: int64 [k] of items, nearest first. distances: float32 [k]. exact: whether all items were compared."""

    ids: NDArray[np.int64]
    distances: Floats
    exact: bool


class VectorIndex:
    """One collection's vectors in one space, for one metric. Safe from any thread.

    exact: more vectors than these are grouped, in a thread of its own.
    """

    def __init__(self, store: Store, name: str, space: Space, metric: Metric, exact: int = EXACT) -> None:
        self._store, self._name, self._space, self._metric, self._exact = store, name, space, metric, exact
        self._reading = threading.Lock()
        self._read = NOTHING
        self._indexes: tuple[InvertedFile, ...] = ()
        self.grouping: threading.Thread | None = None

    def search(self, vector: Floats, k: int) -> SearchResult:
        """The nearest, some of which may have been removed a moment ago: so many more than k that k are left.

        Raises UnknownName, CollectionsError, and StaleCollection for a vector of another size.
        """
        indexes, removed = self._current()
        if any(index.vectors.shape[1] != len(vector) for index in indexes):
            raise StaleCollection(
                f"collection {self._name!r} has vectors of other weights since a moment ago; ask again"
            )
        found = [index.search(vector, k + removed) for index in indexes]
        ids = np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in found)])
        distances = np.concatenate([np.zeros(0, np.float32), *(away for _, away in found)])
        order = np.lexsort((ids, distances))[: k + removed]
        return SearchResult(ids[order], distances[order], all(index.exact for index in indexes))

    def _current(self) -> tuple[tuple[InvertedFile, ...], int]:
        """All items, and how many of them may be gone."""
        with self._reading:
            now = self._store.revision(self._name)
            while True:
                if now.made != self._read.made or now.removed - self._read.removed > MAX_REMOVED:
                    self._read, self._indexes = Revision(now.made, now.removed, 0), ()
                if now.last > self._read.last:
                    self._append()
                made, now = now.made, self._store.revision(self._name)
                if now.made == made:  # and so were the vectors just read
                    return self._indexes, now.removed - self._read.removed

    def _append(self) -> None:
        """Read what came, and put it with what is not grouped yet."""
        ids, vectors = self._store.vectors(self._name, self._space, self._read.last)
        if not len(ids):
            return
        loose = [index for index in self._indexes if index.exact]
        new = self._index([*(index.ids for index in loose), ids], [*(index.vectors for index in loose), vectors])
        self._indexes = (*(index for index in self._indexes if not index.exact), new)
        self._read = replace(self._read, last=int(ids[-1]))
        if len(new.ids) > self._exact and self.grouping is None:
            self.grouping = threading.Thread(target=self._group, args=(self._read, self._indexes), daemon=True)
            self.grouping.start()

    def _group(self, read: Revision, indexes: tuple[InvertedFile, ...]) -> None:
        """All items in one index, in place of these, unless they are no longer those that count."""
        try:
            ids = np.concatenate([index.ids for index in indexes])
            vectors = np.concatenate([index.vectors for index in indexes])
            whole = InvertedFile.of(ids, vectors, self._metric, self._exact)
            with self._reading:
                if replace(self._read, last=read.last) == read:
                    later = [(index, index.ids > read.last) for index in self._indexes if index.exact]
                    rest = [self._index([index.ids[new]], [index.vectors[new]]) for index, new in later if new.any()]
                    self._indexes = (whole, *rest)
        except MemoryError:
            log.warning("there is not enough memory to group a collection: its neighbours take longer")
        finally:
            self.grouping = None

    def _index(self, ids: Sequence[NDArray[np.int64]], vectors: Sequence[Floats]) -> InvertedFile:
        """One that is searched exactly, whatever its size."""
        joined = np.concatenate(ids)
        return InvertedFile.of(joined, np.concatenate(vectors), self._metric, exact=len(joined))
