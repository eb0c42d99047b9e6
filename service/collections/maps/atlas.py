"""What is done with maps: ask for one, look at it, put a new image onto it. Nothing here blocks the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import Line
from service.collections.library import Library
from service.collections.maps import fitting, placing
from service.collections.projection import Coordinates, Facts, Map, Wish
from service.collections.shelf import Shelf
from service.collections.store import Store
from service.errors import StaleCollection
from service.runtime.child import computed, settled
from service.runtime.exchange import Answer, Question
from service.runtime.jobs import Job, Told

PAGE = 4096
"""Items read at a time."""

NEAREST = 5
"""Points named beside a new one."""

FIT = "service.collections.maps.fitting:fit"


@dataclass(frozen=True)
class Chart:
    """A map as it is shown. lines: of the items, in the order of coordinates [N, d]; removed items are gone."""

    facts: Facts
    outdated: bool
    lines: tuple[Line, ...]
    coordinates: Coordinates


@dataclass(frozen=True)
class Spot:
    """Where an image lies on a map. nearest: items and their distances on the map, nearest first."""

    map: str
    coordinates: NDArray[np.float64]
    nearest: tuple[tuple[Line, float], ...]


@dataclass(frozen=True)
class Placement(Answer):
    """An image's answer with its place, None where it was refused."""

    spot: Spot | None = None

    @classmethod
    def of(cls, answer: Answer, spot: Spot | None = None) -> Placement:
        """An answer with a place."""
        return cls(**vars(answer), spot=spot)


async def ask(library: Library, name: str, wish: Wish) -> Job:
    """A job that makes a map. Raises BadParameter, UnknownName, Overloaded."""
    collection = await asyncio.to_thread(lambda: library.store.collection(name))
    wish.settled(collection.count)
    return await library.jobs.submit("projection", name, asdict(wish))


async def fit(library: Library, name: str, wish: Mapping[str, Any], told: Told) -> Facts:
    """Make a map in a child process and keep it. Raises BadParameter, UnknownName, StaleCollection, JobFailed."""
    settings = library.answers.settings
    arguments = {
        "folder": str(settings.collections_folder.absolute()),
        "collection": name,
        "threads": settings.forward_threads,
        "wish": dict(wish),
    }
    found = fitting.read(await computed(FIT, arguments, settings.forward_threads, told))
    await settled(lambda: library.store.keep_map(name, found))
    return found.facts


async def project(library: Library, job: Job, told: Told) -> str:
    """The kind of job that makes a map; see `api/works.py`."""
    facts = await fit(library, job.collection, job.parameters, told)
    return f"/collections/{job.collection}/projection/{facts.name}"


def outdated(store: Store, name: str, facts: Facts) -> bool:
    """Whether items came or went since a map was made, or all their vectors are others now. Blocks."""
    return store.revision(name) != facts.revision or store.collection(name).weights_sha256 != facts.weights_sha256


def chart(store: Store, name: str, called: str) -> Chart:
    """A map with what is known of its items now. Blocks; raises UnknownName."""
    found = store.map(name, called)
    lines, after = dict[int, Line](), 0
    while page := store.lines(name, after, PAGE):
        lines |= {line.id: line for line in page}
        after = page[-1].id
    there = np.array([number in lines for number in found.ids.tolist()], bool)
    kept = tuple(lines[number] for number in found.ids[there].tolist())
    return Chart(found.facts, outdated(store, name, found.facts), kept, found.coordinates[there])


async def placed(library: Library, name: str, called: str, data: bytes, question: Question) -> Placement:
    """An image on a map that stays as it is. Raises UnknownName, StaleCollection, and what `Answers.embed` raises."""
    collection, _ = await library.opened(name)
    found = await asyncio.to_thread(lambda: library.store.map(name, called))
    if found.facts.weights_sha256 != collection.weights_sha256:
        raise StaleCollection(f"map {called!r} was made of vectors of other weights; make it again")
    answer = await library.answers.embed(data, Question(model=collection.model, top_k=question.top_k))
    if answer.embedding is None:
        return Placement.of(answer)
    vector = answer.embedding.vector
    where = await asyncio.to_thread(lambda: spot(library, name, found, vector))
    await asyncio.to_thread(library.still, name, answer)
    return Placement.of(answer, where)


def spot(library: Library, name: str, found: Map, vector: NDArray[np.float32]) -> Spot:
    """Where a vector [D] lies on a map, and what is near. Blocks; raises UnknownName, StaleCollection."""
    rows, distances = _nearest(library.shelf(name, "l2"), found, vector)
    point = placing.place(found, vector, rows, distances)
    away = np.sqrt(((found.coordinates - point) ** 2).sum(1))
    order = np.argsort(away, kind="stable")[: NEAREST * 2]  # some may have been removed
    lines = library.store.named(name, found.ids[order].tolist())
    nearest = [(lines[int(found.ids[row])], float(away[row])) for row in order if int(found.ids[row]) in lines]
    return Spot(found.facts.name, point, tuple(nearest[:NEAREST]))


def _nearest(shelf: Shelf, found: Map, vector: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows and distances of the map's images nearest to a vector. Images that came later are passed over."""
    want = placing.wanted(found)
    k, none = want, (np.zeros(0, np.int64), np.zeros(0, np.float32))
    while want:
        near = shelf.search(vector, k)
        rows = np.searchsorted(found.ids, near.ids).clip(max=len(found.ids) - 1)
        there = found.ids[rows] == near.ids
        if there.sum() >= want or len(near.ids) < k:
            if not there.any():
                raise StaleCollection("none of the map's images is in the collection any more; make the map again")
            return rows[there][:want], near.distances[there][:want]
        k *= 4
    return none
