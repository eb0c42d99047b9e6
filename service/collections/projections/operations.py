"""The use cases of projections: compute one, show one, place a new image on one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import ItemSummary
from service.collections.library import Library
from service.collections.projection import Coordinates, Projection, ProjectionFacts, ProjectionRequest
from service.collections.projections import fitting, placing
from service.collections.store.interface import Store
from service.collections.vector_index import VectorIndex
from service.errors import StaleCollection, UnknownName
from service.jobs.child_process import run_in_child
from service.jobs.job import Job, ReportProgress
from service.runtime.question import Question
from service.runtime.results import Answer

ITEMS_PER_READ = 4096

NEAREST_POINTS = 5
"""Points that are named beside a placed image."""

FIT_FUNCTION = "service.collections.projections.fitting:fit_collection"
"""What the child process runs."""


@dataclass(frozen=True)
class ProjectionStatus:
    """A projection without its points. outdated: whether the collection has changed since it was computed."""

    facts: ProjectionFacts
    outdated: bool


@dataclass(frozen=True)
class ProjectionView:
    """A projection without removed items. summaries: of the items, in the order of coordinates [N, d]."""

    facts: ProjectionFacts
    outdated: bool
    summaries: tuple[ItemSummary, ...]
    coordinates: Coordinates


@dataclass(frozen=True)
class Placement:
    """Where an image lies on a projection. nearest: items and their distances on it, nearest first."""

    projection: str
    coordinates: NDArray[np.float64]
    nearest: tuple[tuple[ItemSummary, float], ...]


@dataclass(frozen=True)
class PlacementAnswer:
    """The answer for an image, and its place; None where the model refused the image."""

    answer: Answer
    placement: Placement | None = None


async def submit_projection(library: Library, name: str, request: ProjectionRequest) -> Job:
    """A job that computes a projection. Raises BadParameter, UnknownName, Overloaded."""
    request.resolve((await library.collection(name)).collection.count)
    return await library.jobs.submit("projection", name, asdict(request))


async def run_projection_job(library: Library, job: Job, report_progress: ReportProgress) -> str:
    """The job kind that computes a projection; its result is the projection's name."""
    return (await compute_projection(library, job.subject, job.parameters, report_progress)).name


async def compute_projection(
    library: Library, name: str, request: Mapping[str, Any], report_progress: ReportProgress
) -> ProjectionFacts:
    """Compute a projection in a child process and store it.

    request: the fields of a ProjectionRequest. Raises BadParameter, UnknownName, StaleCollection, JobFailed.
    """
    settings = library.settings
    arguments = {
        "location": settings.collections_location,
        "collection": name,
        "threads": settings.forward_threads,
        "request": dict(request),
    }
    data = await run_in_child(FIT_FUNCTION, arguments, settings.forward_threads, report_progress)
    projection = fitting.loads_projection(data)
    await library.write_store(lambda store: store.projections.save(name, projection))
    return projection.facts


async def projections(library: Library, name: str) -> list[ProjectionStatus]:
    """All projections of a collection, by name. Raises UnknownName."""

    def read(store: Store) -> list[ProjectionStatus]:
        revision = store.collections.revision(name)
        return [ProjectionStatus(facts, facts.revision != revision) for facts in store.projections.all(name)]

    return await library.with_store(read)


async def delete_projection(library: Library, name: str, projection: str) -> ProjectionStatus:
    """Delete a projection; what it was. Raises UnknownName."""

    def delete(store: Store) -> ProjectionStatus:
        facts = store.projections.get(name, projection).facts
        status = ProjectionStatus(facts, facts.revision != store.collections.revision(name))
        store.projections.delete(name, projection)
        return status

    return await library.with_store(delete)


async def check_exists(library: Library, name: str, projection: str) -> None:
    """Raises UnknownName where a collection has no such projection."""
    facts = await library.with_store(lambda store: store.projections.all(name))
    if projection not in {one.name for one in facts}:
        raise UnknownName(
            f"collection {name!r} has no projection {projection[:80]!r}; GET /collections/{name}/projection lists them"
        )


async def view_projection(library: Library, name: str, projection: str) -> ProjectionView:
    """A projection with what is known of its items now. Raises UnknownName."""
    return await library.with_store(partial(read_view, name=name, projection=projection))


async def render_projection(
    library: Library, name: str, projection: str, render: Callable[[ProjectionView], bytes]
) -> bytes:
    """What `render` makes of a projection, on another thread: with many points it takes a while. Raises UnknownName."""
    return await library.with_store(lambda store: render(read_view(store, name, projection)))


def read_view(store: Store, name: str, projection: str) -> ProjectionView:
    """See `view_projection`. Blocks."""
    found = store.projections.get(name, projection)
    summaries, after = dict[int, ItemSummary](), 0
    while page := store.items.page(name, after, ITEMS_PER_READ):
        summaries |= {summary.id: summary for summary in page}
        after = page[-1].id
    exists = np.array([item_id in summaries for item_id in found.ids.tolist()], bool)
    shown = tuple(summaries[item_id] for item_id in found.ids[exists].tolist())
    outdated = store.collections.revision(name) != found.facts.revision
    return ProjectionView(found.facts, outdated, shown, found.coordinates[exists])


async def place_image(library: Library, name: str, projection: str, data: bytes, question: Question) -> PlacementAnswer:
    """The place of an image on a projection, which does not change.

    Raises UnknownName, StaleCollection, and what `Answers.embed` raises.
    """
    collection, _ = await library.open_collection(name)
    found = await library.with_store(partial(_read_current, name=name, projection=projection))
    index = await library.vector_index(name, "l2")
    answer = await library.answers.embed(data, Question(model=collection.model, top_k=question.top_k))
    if answer.embedding is None:
        return PlacementAnswer(answer)
    vector = answer.embedding.vector

    def place(store: Store) -> Placement:
        placement = place_vector(store, index, name, found, vector)
        library.check_current(store, collection, answer)
        return placement

    return PlacementAnswer(answer, await library.with_store(place))


def place_vector(
    store: Store, index: VectorIndex, name: str, projection: Projection, vector: NDArray[np.float32]
) -> Placement:
    """Where a vector [D] lies on a projection, and what is near. index: of the collection, for l2.

    Blocks. Raises UnknownName, StaleCollection.
    """
    rows, distances = _nearest_rows(index, projection, vector)
    point = placing.place(projection, vector, rows, distances)
    from_point = np.sqrt(((projection.coordinates - point) ** 2).sum(1))
    order = np.argsort(from_point, kind="stable")[: NEAREST_POINTS * 2]  # some may have been removed
    summaries = store.items.summaries(name, projection.ids[order].tolist())
    nearest = [
        (summaries[int(projection.ids[row])], float(from_point[row]))
        for row in order
        if int(projection.ids[row]) in summaries
    ]
    return Placement(projection.facts.name, point, tuple(nearest[:NEAREST_POINTS]))


def _read_current(store: Store, name: str, projection: str) -> Projection:
    """A projection of the vectors that the collection has now. Raises StaleCollection for one of replaced vectors."""
    found = store.projections.get(name, projection)
    if found.facts.revision.generation != store.collections.revision(name).generation:
        raise StaleCollection(
            f"projection {projection!r} was made before the collection was embedded again; make it again"
        )
    return found


def _nearest_rows(
    index: VectorIndex, projection: Projection, vector: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows and distances of the projection's images nearest to a vector. Images added later are passed over."""
    wanted = placing.neighbors_needed(projection)
    k, none = wanted, (np.zeros(0, np.int64), np.zeros(0, np.float32))
    while wanted:
        found = index.search(vector, k)
        rows = np.searchsorted(projection.ids, found.ids).clip(max=len(projection.ids) - 1)
        exists = projection.ids[rows] == found.ids
        if exists.sum() >= wanted or len(found.ids) < k:
            if not exists.any():
                raise StaleCollection(
                    "none of the projection's images is in the collection any more; make the projection again"
                )
            return rows[exists][:wanted], found.distances[exists][:wanted]
        k *= 4
    return none
