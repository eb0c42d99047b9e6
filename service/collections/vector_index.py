"""The vectors of one collection in memory: read once, extended by new ones, clustered in the background.

A search never waits for clustering: vectors that are not clustered yet are compared exactly.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import Revision
from service.collections.inverted_file import MAX_EXACT, Floats, InvertedFile, Metric
from service.collections.store.interface import Space, Store
from service.errors import StaleCollection

MAX_REMOVED = 1000
"""Items removed since the vectors were read; with more, all vectors are read again."""

NOTHING_READ = Revision(0, 0, 0)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchResult:
    """ids: int64 [k] of items, nearest first. distances: float32 [k]. exact: whether all items were compared."""

    ids: NDArray[np.int64]
    distances: Floats
    exact: bool


class VectorIndex:
    """One collection's vectors in one space, for one metric. Safe from any thread.

    max_exact: with more vectors, they are clustered in a thread.
    """

    def __init__(self, store: Store, name: str, space: Space, metric: Metric, max_exact: int = MAX_EXACT) -> None:
        self._store, self._name, self._space, self._metric, self._max_exact = store, name, space, metric, max_exact
        self._reading = threading.Lock()
        self._read = NOTHING_READ
        self._parts: tuple[InvertedFile, ...] = ()
        self.clustering: threading.Thread | None = None

    def search(self, vector: Floats, k: int) -> SearchResult:
        """The nearest items. Some may have been removed a moment ago, so there are enough to leave k of them.

        Blocks. Raises UnknownName, CollectionsError, and StaleCollection for a vector of another size.
        """
        parts, removed = self._current()
        if any(part.vectors.shape[1] != len(vector) for part in parts):
            raise StaleCollection(
                f"collection {self._name!r} has vectors of another model since a moment ago; try again"
            )
        found = [part.search(vector, k + removed) for part in parts]
        ids = np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in found)])
        distances = np.concatenate([np.zeros(0, np.float32), *(distances for _, distances in found)])
        order = np.lexsort((ids, distances))[: k + removed]
        return SearchResult(ids[order], distances[order], all(part.exact for part in parts))

    def _current(self) -> tuple[tuple[InvertedFile, ...], int]:
        """All vectors, and how many of them may belong to removed items."""
        with self._reading:
            now = self._store.collections.revision(self._name)
            while True:
                if now.generation != self._read.generation or now.removed - self._read.removed > MAX_REMOVED:
                    self._read, self._parts = Revision(now.generation, now.removed, 0), ()
                if now.last_id > self._read.last_id:
                    self._append()
                generation, now = now.generation, self._store.collections.revision(self._name)
                if now.generation == generation:  # so the vectors just read are of this generation as well
                    return self._parts, now.removed - self._read.removed

    def _append(self) -> None:
        """Read new vectors and join them with those that are not clustered yet."""
        ids, vectors = self._store.items.vectors(self._name, self._space, self._read.last_id)
        if not len(ids):
            return
        exact = [part for part in self._parts if part.exact]
        joined = self._exact([*(part.ids for part in exact), ids], [*(part.vectors for part in exact), vectors])
        self._parts = (*(part for part in self._parts if not part.exact), joined)
        self._read = replace(self._read, last_id=int(ids[-1]))
        if len(joined.ids) > self._max_exact and self.clustering is None:
            self.clustering = threading.Thread(target=self._cluster, args=(self._read, self._parts), daemon=True)
            self.clustering.start()

    def _cluster(self, read: Revision, parts: tuple[InvertedFile, ...]) -> None:
        """Join all vectors into one clustered part, unless they have been replaced in the meantime."""
        try:
            ids = np.concatenate([part.ids for part in parts])
            vectors = np.concatenate([part.vectors for part in parts])
            clustered = InvertedFile.build(ids, vectors, self._metric, self._max_exact)
            with self._reading:
                if replace(self._read, last_id=read.last_id) == read:
                    later = [(part, part.ids > read.last_id) for part in self._parts if part.exact]
                    rest = [self._exact([part.ids[new]], [part.vectors[new]]) for part, new in later if new.any()]
                    self._parts = (clustered, *rest)
        except MemoryError:
            log.warning("there is not enough memory to cluster a collection: its neighbours take longer")
        finally:
            self.clustering = None

    def _exact(self, ids: Sequence[NDArray[np.int64]], vectors: Sequence[Floats]) -> InvertedFile:
        """A part that is searched exactly, whatever its size."""
        joined = np.concatenate(ids)
        return InvertedFile.build(joined, np.concatenate(vectors), self._metric, max_exact=len(joined))
