"""What is done with collections: fill them, ask for neighbours. Nothing here blocks the event loop or knows HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import AddResult, Collection, Item, ItemSummary, NewImage, check_name
from service.collections.item_builder import THUMBNAIL, build_item, small_pixels, with_mask
from service.collections.neighbours import Metric
from service.collections.store.interface import Space, Store
from service.collections.store.sqlite import SqliteStore
from service.collections.vector_index import VectorIndex
from service.errors import FoveaError, RequestError, StaleCollection
from service.jobs.queue import Job, JobQueue, ReportProgress
from service.jobs.turns import TurnLimiter
from service.models.classifier import Classifier
from service.runtime.answers import Answers
from service.runtime.inspection import Inspection
from service.runtime.question import Question
from service.runtime.results import Answer

MAX_INDEXES = 4
"""Sets of vectors held in memory at a time."""


@dataclass(frozen=True)
class Neighbor:
    """A reference image and how far away it is. thumbnail: JPEG."""

    line: ItemSummary
    distance: float
    thumbnail: bytes | None


@dataclass(frozen=True)
class NeighborsAnswer(Answer):
    """An image's answer with its neighbours, nearest first.

    votes: how many of them have each label, most frequent first. exact: whether all images were compared.
    """

    neighbours: tuple[Neighbor, ...] = ()
    votes: Mapping[str, int] = field(default_factory=dict)
    exact: bool = True

    @classmethod
    def around(cls, answer: Answer, found: Sequence[Neighbor] = (), exact: bool = True) -> NeighborsAnswer:
        """An answer with neighbours."""
        votes = Counter(one.line.label for one in found if one.line.label)
        return cls(**vars(answer), neighbours=tuple(found), votes=dict(votes.most_common()), exact=exact)


@dataclass(frozen=True)
class NeighborsRequest:
    """What neighbours are asked for."""

    k: int = 10
    metric: Metric = "cosine"
    space: Space = "features"


JobFunction = Callable[["Library", Job, ReportProgress], Awaitable[str]]
"""Does a job for a library, tells how far it is, and returns the address of what came out; see `jobs.Work`."""

NO_JOB_KINDS: Mapping[str, JobFunction] = {}


class Library:
    """The collections of one running service; the store is opened when it is first needed."""

    def __init__(self, answers: Answers, works: Mapping[str, JobFunction] = NO_JOB_KINDS) -> None:
        """works: what a job may be, by name."""
        self.answers = answers
        kinds = {kind: partial(work, self) for kind, work in works.items()}
        self.jobs = JobQueue(answers.settings.collections_folder, kinds)
        self.desk = TurnLimiter()
        self._opening, self._shelving = threading.Lock(), threading.Lock()
        self._shelves: dict[tuple[str, Space, Metric], VectorIndex] = {}

    @property
    def store(self) -> Store:
        """Where collections are kept. Blocks; raises CollectionsError."""
        with self._opening:
            return self._store

    @cached_property
    def _store(self) -> Store:
        return SqliteStore(self.answers.settings.collections_folder)

    async def start(self) -> None:
        """Go on with jobs that were waiting when the last service ended."""
        await self.jobs.start()

    async def close(self) -> None:
        """End what is running, and let go of the store, if it was ever opened."""
        await self.jobs.close()
        if "_store" in vars(self):
            self._store.close()

    async def create(self, name: str, model: str | None, thumbnails: bool, originals: bool) -> Collection:
        """A new collection for a model that is ready. Raises BadParameter, UnknownName, ModelUnavailable."""
        check_name(name)
        classifier = self.answers.registry.get(model)
        layer = classifier.embedding_layer
        made = Collection(
            name, classifier.entry.name, classifier.weights_sha256, layer, classifier.shapes[layer][0],
            thumbnails, originals,
        )  # fmt: skip
        return await asyncio.to_thread(lambda: self.store.create(made))

    async def collections(self) -> list[Collection]:
        """All, by name."""
        return await asyncio.to_thread(lambda: list(self.store.collections()))

    def stale(self, collection: Collection) -> bool:
        """Whether the collection's model is gone, or known to have other weights now. Blocks."""
        registry = self.answers.registry
        if collection.model not in registry.names:
            return True
        return registry.weights_sha256(collection.model) not in {"", collection.weights_sha256}

    def notice(self, collection: Collection) -> str:
        """What must be shown beside anything from this collection; may be empty."""
        if collection.model not in self.answers.registry.names:
            return ""
        entry = self.answers.registry.status(collection.model).record.entry
        return entry.card.notice if entry else ""

    async def opened(self, name: str) -> tuple[Collection, Classifier]:
        """A collection and its model. Raises UnknownName, ModelUnavailable, StaleCollection."""
        collection = await asyncio.to_thread(lambda: self.store.collection(name))
        if await asyncio.to_thread(self.stale, collection):
            mended = (
                f"POST /collections/{name}/reembed embeds its images again" if collection.originals
                else "fill a new collection, for the images of this one are not kept"
            )  # fmt: skip
            raise StaleCollection(
                f"collection {name!r} was filled by model {collection.model!r} with weights"
                f" {collection.weights_sha256[:12]}, which it no longer has; vectors of different weights cannot be"
                f" compared: {mended}"
            )
        return collection, self.answers.registry.get(collection.model)

    def still(self, name: str, answer: Answer) -> None:
        """Raises StaleCollection where a collection has vectors of other weights than this answer. Blocks."""
        if self.store.collection(name).weights_sha256 != answer.model.weights_sha256:
            raise StaleCollection(f"collection {name!r} or its model changed its weights a moment ago; ask again")

    async def seen(self, sent: NewImage, collection: Collection) -> Item:
        """What a collection would keep of an image.

        Raises RefusedImage and all that `Answers.look` raises, and the same of its mask, whose text then says so.
        """
        inspection = await self.answers.inspect(sent.data, collection.model, THUMBNAIL if collection.thumbnails else 0)
        if inspection.classifier.weights_sha256 != collection.weights_sha256:
            raise StaleCollection(f"the weights of model {collection.model!r} changed a moment ago; ask again")
        item = await asyncio.to_thread(build_item, inspection, sent.data, collection, sent.name, sent.label)
        if sent.mask is None:
            return item
        return with_mask(item, await self.covered(sent.mask, inspection), sent.mask, collection)

    async def covered(self, mask: bytes, inspection: Inspection) -> NDArray[np.float32]:
        """See `Answers.covered`; what is wrong with a mask is told apart from what is wrong with an image."""
        try:
            return await self.answers.covered(mask, inspection)
        except RequestError as error:
            raise type(error)(f"the image's mask: {error}") from None

    async def add(self, name: str, images: Sequence[NewImage]) -> list[AddResult | FoveaError]:
        """Keep images. What is returned as Added is on the disk.

        One that cannot be read, whose mask does not fit, or that the model's guard refuses, is not kept, and its error
        returned in its place.
        """
        collection, _ = await self.opened(name)
        found = await asyncio.gather(*(self.seen(one, collection) for one in images), return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, FoveaError):
                raise one
        items = [one for one in found if isinstance(one, Item)]
        weights = collection.weights_sha256
        added = iter(await asyncio.to_thread(lambda: self.store.add(name, items, weights)) if items else ())
        return [one if isinstance(one, FoveaError) else next(added) for one in found]

    async def neighbours(self, name: str, data: bytes, near: NeighborsRequest, question: Question) -> NeighborsAnswer:
        """The most similar images of a collection. An image that the model refuses has none."""
        collection, _ = await self.opened(name)
        asked = Question(model=collection.model, top_k=question.top_k)
        answer = await self.answers.embed(data, asked)
        if answer.embedding is None:
            return NeighborsAnswer.around(answer)
        vector = answer.embedding.vector
        if near.space == "pixels":
            inspection = await self.answers.inspect(data, collection.model)
            vector = (small_pixels(inspection.prepared.x).reshape(-1) / np.float32(255)).astype(np.float32)
        return await asyncio.to_thread(self._found, name, vector, near, answer)

    def _found(self, name: str, vector: NDArray[np.float32], near: NeighborsRequest, answer: Answer) -> NeighborsAnswer:
        found = self.shelf(name, near.metric, near.space).search(vector, near.k)
        self.still(name, answer)
        ids = found.ids.tolist()
        lines = self.store.named(name, ids)
        there = [(lines[one], away) for one, away in zip(ids, found.distances.tolist(), strict=True) if one in lines]
        nearest = [Neighbor(line, away, self.store.thumbnail(name, line.id)) for line, away in there[: near.k]]
        return NeighborsAnswer.around(answer, nearest, found.exact)

    def shelf(self, name: str, metric: Metric, space: Space = "features") -> VectorIndex:
        """The collection's vectors; those asked for last are kept."""
        key = (name, space, metric)
        with self._shelving:
            shelf = self._shelves.pop(key, None) or VectorIndex(self.store, *key)
            self._shelves[key] = shelf
            while len(self._shelves) > MAX_INDEXES:
                self._shelves.pop(next(iter(self._shelves)))
            return shelf
