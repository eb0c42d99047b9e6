"""What is done with collections: fill them, ask for neighbours. Nothing here blocks the event loop or knows HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import Added, Collection, Item, Line, checked
from service.collections.making import THUMBNAIL, make, small
from service.collections.neighbours import Index, Metric
from service.collections.sqlite import SqliteStore
from service.collections.store import Space, Store
from service.errors import FoveaError, StaleCollection
from service.models.classifier import Classifier
from service.runtime.answers import Answers
from service.runtime.exchange import Answer, Question

MOST_INDEXES = 4
"""Sets of vectors held in memory at a time."""


@dataclass(frozen=True)
class Neighbour:
    """A reference image and how far away it is. thumbnail: JPEG."""

    line: Line
    distance: float
    thumbnail: bytes | None


@dataclass(frozen=True)
class Neighbourhood(Answer):
    """An image's answer with its neighbours, nearest first.

    votes: how many of them have each label, most frequent first. exact: whether all images were compared.
    """

    neighbours: tuple[Neighbour, ...] = ()
    votes: Mapping[str, int] = field(default_factory=dict)
    exact: bool = True

    @classmethod
    def around(cls, answer: Answer, found: Sequence[Neighbour] = (), exact: bool = True) -> Neighbourhood:
        """An answer with neighbours."""
        votes = Counter(one.line.label for one in found if one.line.label)
        return cls(**vars(answer), neighbours=tuple(found), votes=dict(votes.most_common()), exact=exact)


@dataclass(frozen=True)
class Near:
    """What neighbours are asked for."""

    k: int = 10
    metric: Metric = "cosine"
    space: Space = "features"


class Library:
    """The collections of one running service; the store is opened when it is first needed."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self._opening, self._indexing = threading.Lock(), threading.Lock()
        self._indexes: dict[tuple[object, ...], tuple[tuple[int, int], list[int], Index]] = {}

    @property
    def store(self) -> Store:
        """Where collections are kept. Blocks; raises CollectionsError."""
        with self._opening:
            return self._store

    @cached_property
    def _store(self) -> Store:
        return SqliteStore(self.answers.settings.collections_folder)

    def close(self) -> None:
        """Let go of the store, if it was ever opened."""
        if "_store" in vars(self):
            self._store.close()

    async def create(self, name: str, model: str | None, thumbnails: bool, originals: bool) -> Collection:
        """A new collection for a model that is ready. Raises BadParameter, UnknownName, ModelUnavailable."""
        checked(name)
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
        """Whether the collection's model is gone, or known to have other weights now."""
        registry = self.answers.registry
        if collection.model not in registry.names:
            return True
        classifier = registry.status(collection.model).classifier
        return classifier is not None and classifier.weights_sha256 != collection.weights_sha256

    def notice(self, collection: Collection) -> str:
        """What must be shown beside anything from this collection; may be empty."""
        if collection.model not in self.answers.registry.names:
            return ""
        entry = self.answers.registry.status(collection.model).record.entry
        return entry.card.notice if entry else ""

    async def opened(self, name: str) -> tuple[Collection, Classifier]:
        """A collection and its model. Raises UnknownName, ModelUnavailable, StaleCollection."""
        collection = await asyncio.to_thread(lambda: self.store.collection(name))
        if self.stale(collection):
            raise StaleCollection(
                f"collection {name!r} was filled by model {collection.model!r} with weights"
                f" {collection.weights_sha256[:12]}, which it no longer has; vectors of different weights cannot be"
                " compared: fill a new collection"
            )
        return collection, self.answers.registry.get(collection.model)

    async def seen(self, data: bytes, collection: Collection, name: str = "", label: str = "") -> Item:
        """What a collection would keep of an image. Raises RefusedImage and all that `Answers.look` raises."""
        look = await self.answers.look(data, collection.model, THUMBNAIL if collection.thumbnails else 0)
        if look.classifier.weights_sha256 != collection.weights_sha256:
            raise StaleCollection(
                f"the weights of model {collection.model!r} changed a moment ago; fill a new collection"
            )
        return await asyncio.to_thread(make, look, data, collection, name, label)

    async def add(self, name: str, images: Sequence[tuple[bytes, str, str]]) -> list[Added | FoveaError]:
        """Keep images, each given as bytes, name and label. What is returned as Added is on the disk.

        One that cannot be read, or that the model's guard refuses, is not kept, and its error returned in its place.
        """
        collection, _ = await self.opened(name)
        found = await asyncio.gather(
            *(self.seen(data, collection, called, label) for data, called, label in images), return_exceptions=True
        )
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, FoveaError):
                raise one
        items = [one for one in found if isinstance(one, Item)]
        added = iter(await asyncio.to_thread(lambda: self.store.add(name, items)) if items else ())
        return [one if isinstance(one, FoveaError) else next(added) for one in found]

    async def neighbours(self, name: str, data: bytes, near: Near, question: Question) -> Neighbourhood:
        """The most similar images of a collection. An image that the model refuses has none."""
        collection, _ = await self.opened(name)
        asked = Question(model=collection.model, top_k=question.top_k)
        answer = await self.answers.embed(data, asked)
        if answer.embedding is None:
            return Neighbourhood.around(answer)
        vector = answer.embedding.vector
        if near.space == "pixels":
            look = await self.answers.look(data, collection.model)
            vector = (small(look.prepared.x).reshape(-1) / np.float32(255)).astype(np.float32)
        return await asyncio.to_thread(self._found, name, vector, near, answer)

    def _found(self, name: str, vector: NDArray[np.float32], near: Near, answer: Answer) -> Neighbourhood:
        numbers, index = self._index(name, near)
        if not numbers:
            return Neighbourhood.around(answer)
        places, distances = index.search(vector, near.k)
        ids = [numbers[place] for place in places]
        lines = self.store.named(name, ids)
        found = [
            Neighbour(lines[one], float(distance), self.store.thumbnail(name, one))
            for one, distance in zip(ids, distances, strict=True)
            if one in lines
        ]
        return Neighbourhood.around(answer, found, exact=not len(index.centres))

    def _index(self, name: str, near: Near) -> tuple[list[int], Index]:
        """The collection's vectors, read once for as long as nothing changes."""
        key = (name, near.metric, near.space)
        with self._indexing:
            revision = self.store.revision(name)
            kept = self._indexes.pop(key, None)
            if kept is None or kept[0] != revision:
                numbers, vectors = self.store.vectors(name, near.space)
                kept = revision, numbers.tolist(), Index.of(vectors, near.metric)
            self._indexes[key] = kept
            while len(self._indexes) > MOST_INDEXES:
                self._indexes.pop(next(iter(self._indexes)))
            return kept[1], kept[2]
