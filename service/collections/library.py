"""The use cases of collections: fill and list them, find neighbours. Nothing here blocks the event loop.

The store is private: what blocks is handed to `with_store` or `write_store`, which run it on another thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import (
    AddResult,
    Collection,
    Content,
    Item,
    ItemSummary,
    NewImage,
    check_name,
)
from service.collections.inverted_file import Metric
from service.collections.item_builder import THUMBNAIL_SIDE, build_item, small_pixels, with_mask
from service.collections.neighbors import Neighbor, NeighborsAnswer, NeighborsRequest
from service.collections.staleness import expected_fingerprint, fingerprint_of, stale_reason
from service.collections.store.interface import Space, Store
from service.collections.store.opening import check_location, open_store
from service.collections.vector_index import VectorIndex
from service.errors import FoveaError, RequestError, StaleCollection, UnknownName
from service.jobs.child_process import run_to_end
from service.jobs.job import Job, ReportProgress
from service.jobs.queue import JobQueue
from service.jobs.turns import TurnLimiter
from service.models.classifier import Classifier
from service.runtime.answers import Answers
from service.runtime.inspection import Inspection
from service.runtime.question import Question
from service.runtime.results import Answer

T = TypeVar("T")

MAX_INDEXES = 4
"""Vector indexes that are held in memory at a time."""


@dataclass(frozen=True)
class CollectionStatus:
    """A collection, and how it fits its model now.

    stale_reason: why new vectors cannot be compared with its own, in words; None where they can. notice: what must be
    shown beside everything from it; may be empty.
    """

    collection: Collection
    stale_reason: str | None
    notice: str


LibraryJob = Callable[["Library", Job, ReportProgress], Awaitable[str]]
"""Does a job for a library and returns its result; see `service.jobs.job.JobFunction`."""

NO_JOB_KINDS: Mapping[str, LibraryJob] = {}


class Library:
    """The collections of one running service; the store is opened when it is first needed."""

    def __init__(self, answers: Answers, job_kinds: Mapping[str, LibraryJob] = NO_JOB_KINDS) -> None:
        """job_kinds: the function of each kind of job. Raises CollectionsError for a location of no known kind."""
        self.answers = answers
        self.settings = answers.settings
        check_location(self.settings.collections_location)
        kinds = {kind: partial(function, self) for kind, function in job_kinds.items()}
        self.jobs = JobQueue(self.settings.jobs_folder, kinds)
        self.report_turns = TurnLimiter("reports")
        self._store: Store | None = None
        self._opening, self._indexing = threading.Lock(), threading.Lock()
        self._indexes: dict[tuple[str, Space, Metric], VectorIndex] = {}

    async def start(self) -> None:
        """Run the jobs that were waiting when the last service ended."""
        await self.jobs.start()

    async def close(self) -> None:
        """Stop the running job and close the store, if it was ever opened."""
        await self.jobs.close()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    async def with_store(self, function: Callable[[Store], T]) -> T:
        """The result of a function that blocks on the store; it runs on another thread. Raises CollectionsError."""
        return await asyncio.to_thread(lambda: function(self._open_store()))

    async def write_store(self, function: Callable[[Store], T]) -> T:
        """The same for a job that writes: once started it is awaited even if its caller is cancelled."""
        return await run_to_end(lambda: function(self._open_store()))

    def _open_store(self) -> Store:
        with self._opening:
            if self._store is None:
                self._store = open_store(self.settings.collections_location)
            return self._store

    async def create(self, name: str, model: str | None, thumbnails: bool, originals: bool) -> CollectionStatus:
        """A new collection for a model that is ready. Raises BadParameter, UnknownName, ModelUnavailable."""
        check_name(name)
        classifier = self.answers.registry.get(model)
        fingerprint = fingerprint_of(classifier)
        dim = classifier.shapes[fingerprint.layer][0]
        new = Collection(name, classifier.entry.name, fingerprint, dim, thumbnails, originals)
        return await self.with_store(lambda store: self._status(store.collections.create(new)))

    async def collections(self) -> list[CollectionStatus]:
        """All collections, by name."""
        return await self.with_store(lambda store: [self._status(one) for one in store.collections.all()])

    async def collection(self, name: str) -> CollectionStatus:
        """One collection. Raises UnknownName."""
        return await self.with_store(lambda store: self._status(store.collections.get(name)))

    async def content(self, name: str) -> Content:
        """The labels and the size of a collection. Raises UnknownName."""
        return await self.with_store(lambda store: store.collections.content(name))

    async def delete(self, name: str) -> CollectionStatus:
        """Delete a collection with everything in it; what it was. Raises UnknownName."""
        deleted = await self.collection(name)
        await self.with_store(lambda store: store.collections.delete(name))
        return deleted

    async def notice(self, name: str) -> str:
        """What must be shown beside anything from a collection; may be empty. Raises UnknownName."""
        return self._notice(await self.with_store(lambda store: store.collections.get(name)))

    async def open_collection(self, name: str) -> tuple[Collection, Classifier]:
        """A collection and its model, ready to compare. Raises UnknownName, ModelUnavailable, StaleCollection."""
        status = await self.collection(name)
        collection = status.collection
        if status.stale_reason:
            remedy = (
                f"POST /collections/{name}/reembed embeds its images again" if collection.originals
                else "fill a new collection, because the images of this one are not stored"
            )  # fmt: skip
            raise StaleCollection(
                f"new vectors cannot be compared with those of collection {name!r}: {status.stale_reason}. Remedy:"
                f" {remedy}"
            )
        return collection, self.answers.registry.get(collection.model)

    async def items(self, name: str, after: int, limit: int) -> list[ItemSummary]:
        """Items with ids above `after`, in the order they were added. Raises UnknownName."""
        return await self.with_store(lambda store: store.items.page(name, after, limit))

    async def identifiers(self, name: str) -> set[str]:
        """The sha256 and the name of every item. Raises UnknownName."""
        return await self.with_store(lambda store: store.items.identifiers(name))

    async def thumbnail(self, name: str, item_id: int) -> bytes:
        """An item's thumbnail, JPEG. Raises UnknownName, also where the collection stores none."""
        data = await self.with_store(lambda store: store.items.thumbnail(name, item_id))
        if data is None:
            raise UnknownName(f"collection {name!r} stores no thumbnails")
        return data

    async def remove(self, name: str, item_id: int) -> ItemSummary:
        """Delete one item; what it was. Raises UnknownName."""

        def remove(store: Store) -> dict[int, ItemSummary]:
            found = store.items.summaries(name, [item_id])
            store.items.remove(name, item_id)
            return found

        return (await self.with_store(remove))[item_id]

    async def add(self, name: str, images: Sequence[NewImage]) -> list[AddResult | FoveaError]:
        """Store images. What is returned as an AddResult is on the disk.

        An image that cannot be read, whose mask does not fit, or that the model's guard refuses, is not stored, and
        its error is returned in its place. Raises what `open_collection` raises.
        """
        collection, _ = await self.open_collection(name)
        outcomes = await asyncio.gather(*(self._item(one, collection) for one in images), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, FoveaError):
                raise outcome
        items = [outcome for outcome in outcomes if isinstance(outcome, Item)]
        fingerprint = collection.fingerprint
        results = await self.with_store(lambda store: store.items.add(name, items, fingerprint)) if items else []
        added = iter(results)
        return [outcome if isinstance(outcome, FoveaError) else next(added) for outcome in outcomes]

    async def mask_shares(self, mask: bytes, inspection: Inspection) -> NDArray[np.float32]:
        """See `Answers.covered`; the text of an error says that it is about the mask, not the image."""
        try:
            return await self.answers.covered(mask, inspection)
        except RequestError as error:
            raise type(error)(f"the image's mask: {error}") from None

    async def neighbors(self, name: str, data: bytes, request: NeighborsRequest, question: Question) -> NeighborsAnswer:
        """The most similar images of a collection. An image that the model refuses has none."""
        collection, _ = await self.open_collection(name)
        answer = await self.answers.embed(data, Question(model=collection.model, top_k=question.top_k))
        if answer.embedding is None:
            return NeighborsAnswer(answer)
        vector = answer.embedding.vector
        if request.space == "pixels":
            inspection = await self.answers.inspect(data, collection.model)
            vector = (small_pixels(inspection.prepared.x).reshape(-1) / np.float32(255)).astype(np.float32)

        def search(store: Store) -> NeighborsAnswer:
            found = self._index(store, (name, request.space, request.metric)).search(vector, request.k)
            self.check_current(store, collection, answer)
            summaries = store.items.summaries(name, found.ids.tolist())
            pairs = zip(found.ids.tolist(), found.distances.tolist(), strict=True)
            existing = [(summaries[item_id], distance) for item_id, distance in pairs if item_id in summaries]
            nearest = [
                Neighbor(summary, distance, store.items.thumbnail(name, summary.id))
                for summary, distance in existing[: request.k]
            ]
            return NeighborsAnswer(answer, tuple(nearest), found.exact)

        return await self.with_store(search)

    async def vector_index(self, name: str, metric: Metric, space: Space = "features") -> VectorIndex:
        """The vectors of a collection in memory; the most recently used indexes are kept."""
        return await self.with_store(lambda store: self._index(store, (name, space, metric)))

    def check_current(self, store: Store, collection: Collection, answer: Answer) -> None:
        """Raises StaleCollection where a collection or its model changed since the collection was opened. Blocks."""
        fingerprint = collection.fingerprint
        now = expected_fingerprint(self.answers.registry, collection.model)
        if (
            answer.model.weights_sha256 != fingerprint.weights_sha256
            or store.collections.get(collection.name).fingerprint != fingerprint
            or stale_reason(collection, now)
        ):
            raise StaleCollection(f"collection {collection.name!r} or its model changed a moment ago; try again")

    async def _item(self, image: NewImage, collection: Collection) -> Item:
        """The item that an image becomes.

        Raises RefusedImage and all that `Answers.inspect` raises, and the same for the mask, whose text then says so.
        """
        preview = THUMBNAIL_SIDE if collection.thumbnails else 0
        inspection = await self.answers.inspect(image.data, collection.model, preview)
        if fingerprint_of(inspection.classifier) != collection.fingerprint:
            raise StaleCollection(f"model {collection.model!r} changed a moment ago; try again")
        item = await asyncio.to_thread(build_item, inspection, image.data, collection, image.name, image.label)
        if image.mask is None:
            return item
        return with_mask(item, await self.mask_shares(image.mask, inspection), image.mask, collection)

    def _index(self, store: Store, key: tuple[str, Space, Metric]) -> VectorIndex:
        with self._indexing:
            index = self._indexes.pop(key, None) or VectorIndex(store, *key)
            self._indexes[key] = index
            while len(self._indexes) > MAX_INDEXES:
                self._indexes.pop(next(iter(self._indexes)))
            return index

    def _status(self, collection: Collection) -> CollectionStatus:
        reason = stale_reason(collection, expected_fingerprint(self.answers.registry, collection.model))
        return CollectionStatus(collection, reason, self._notice(collection))

    def _notice(self, collection: Collection) -> str:
        status = self.answers.registry.now.by_name.get(collection.model)
        return status.record.entry.card.notice if status and status.record.entry else ""
