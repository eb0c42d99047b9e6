"""What is done with maps: ask for one, look at it, put a new image onto it. Nothing here blocks the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import ItemSummary
from service.collections.library import Library
from service.collections.projection import Coordinates, Projection, ProjectionFacts, ProjectionRequest
from service.collections.projections import fitting, placing
from service.collections.store.interface import Store
from service.collections.vector_index import VectorIndex
from service.errors import StaleCollection
from service.jobs.child_process import run_in_child, run_to_end
from service.jobs.queue import Job, ReportProgress
from service.runtime.question import Question
from service.runtime.results import Answer

PAGE = 4096
"""Items read at a time."""

NEAREST = 5
"""Points named beside a new one."""

FIT = "service.collections.projections.fitting:fit"


@dataclass(frozen=True)
class ProjectionView:
    """A map as it is shown. lines: of the items, in the order of coordinates [N, d]; removed items are gone."""

    facts: ProjectionFacts
    outdated: bool
    lines: tuple[ItemSummary, ...]
    coordinates: Coordinates


@dataclass(frozen=True)
class PlacedPoint:
    """Where an image lies on a map. nearest: items and their distances on the map, nearest first."""

    map: str
    coordinates: NDArray[np.float64]
    nearest: tuple[tuple[ItemSummary, float], ...]


@dataclass(frozen=True)
class PlacementAnswer(Answer):
    """An image's answer with its place, None where it was refused."""

    spot: PlacedPoint | None = None

    @classmethod
    def of(cls, answer: Answer, spot: PlacedPoint | None = None) -> PlacementAnswer:
        """An answer with a place."""
        return cls(**vars(answer), spot=spot)


async def submit_projection(library: Library, name: str, wish: ProjectionRequest) -> Job:
    """A job that makes a map. Raises BadParameter, UnknownName, Overloaded."""
    collection = await asyncio.to_thread(lambda: library.store.collection(name))
    wish.settled(collection.count)
    return await library.jobs.submit("projection", name, asdict(wish))


async def fit(library: Library, name: str, wish: Mapping[str, Any], told: ReportProgress) -> ProjectionFacts:
    """Make a map in a child process and keep it. Raises BadParameter, UnknownName, StaleCollection, JobFailed."""
    settings = library.answers.settings
    arguments = {
        "folder": str(settings.collections_folder.absolute()),
        "collection": name,
        "threads": settings.forward_threads,
        "wish": dict(wish),
    }
    found = fitting.read(await run_in_child(FIT, arguments, settings.forward_threads, told))
    await run_to_end(lambda: library.store.save_projection(name, found))
    return found.facts


async def project(library: Library, job: Job, told: ReportProgress) -> str:
    """The kind of job that makes a map; see `collections/job_kinds.py`."""
    facts = await fit(library, job.collection, job.parameters, told)
    return f"/collections/{job.collection}/projection/{facts.name}"


def outdated(store: Store, name: str, facts: ProjectionFacts) -> bool:
    """Whether items came or went since a map was made, or all their vectors are others now. Blocks."""
    return store.revision(name) != facts.revision or store.collection(name).weights_sha256 != facts.weights_sha256


def view(store: Store, name: str, called: str) -> ProjectionView:
    """A map with what is known of its items now. Blocks; raises UnknownName."""
    found = store.map(name, called)
    lines, after = dict[int, ItemSummary](), 0
    while page := store.lines(name, after, PAGE):
        lines |= {line.id: line for line in page}
        after = page[-1].id
    there = np.array([number in lines for number in found.ids.tolist()], bool)
    kept = tuple(lines[number] for number in found.ids[there].tolist())
    return ProjectionView(found.facts, outdated(store, name, found.facts), kept, found.coordinates[there])


async def place_image(library: Library, name: str, called: str, data: bytes, question: Question) -> PlacementAnswer:
    """An image on a map that stays as it is. Raises UnknownName, StaleCollection, and what `Answers.embed` raises."""
    collection, _ = await library.opened(name)
    found = await asyncio.to_thread(lambda: library.store.map(name, called))
    if found.facts.weights_sha256 != collection.weights_sha256:
        raise StaleCollection(f"map {called!r} was made of vectors of other weights; make it again")
    answer = await library.answers.embed(data, Question(model=collection.model, top_k=question.top_k))
    if answer.embedding is None:
        return PlacementAnswer.of(answer)
    vector = answer.embedding.vector
    where = await asyncio.to_thread(lambda: spot(library, name, found, vector))
    await asyncio.to_thread(library.still, name, answer)
    return PlacementAnswer.of(answer, where)


def spot(library: Library, name: str, found: Projection, vector: NDArray[np.float32]) -> PlacedPoint:
    """Where a vector [D] lies on a map, and what is near. Blocks; raises UnknownName, StaleCollection."""
    rows, distances = _nearest(library.shelf(name, "l2"), found, vector)
    point = placing.place(found, vector, rows, distances)
    away = np.sqrt(((found.coordinates - point) ** 2).sum(1))
    order = np.argsort(away, kind="stable")[: NEAREST * 2]  # some may have been removed
    lines = library.store.named(name, found.ids[order].tolist())
    nearest = [(lines[int(found.ids[row])], float(away[row])) for row in order if int(found.ids[row]) in lines]
    return PlacedPoint(found.facts.name, point, tuple(nearest[:NEAREST]))


def _nearest(
    shelf: VectorIndex, found: Projection, vector: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
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
