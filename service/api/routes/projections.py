"""/collections/{name}/projection: maps of a collection, and new images on them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from service.api.body.reader import read_images
from service.api.openapi.responses import IMAGES, TILES, Responses, answers_with, example, problems
from service.api.queries.collections import PlaceQuery, ProjectionQuery
from service.api.routes.collections import Name
from service.api.routes.jobs import ACCEPTED
from service.api.schemas.jobs import Job
from service.api.schemas.projections import (
    PROJECTION,
    PROJECTION_SUMMARY,
    PROJECTIONS,
    PlaceAnswer,
    PlaceAnswers,
    Projection,
    Projections,
    ProjectionSummary,
)
from service.api.server.dependencies import BodyLimitsDep, LibraryDep
from service.api.server.dispatch import answer_all, json_response
from service.api.server.negotiation import choose
from service.collections.projections import operations
from service.collections.projections.picture import picture
from service.errors import UnknownName
from service.runtime.question import Question

router = APIRouter(prefix="/collections/{name}/projection", tags=["collections"])

MapName = Annotated[
    str, Path(max_length=200, description="A map; `GET .../projection` lists them.", examples=["tsne-2d"])
]
FORMS = ("application/json", "image/png")


def _shown() -> Responses:
    found: dict[str, Any] = example(PROJECTION)[200]
    return {200: {"description": "The map, as points or as a picture.", "content": found["content"] | TILES}}


@router.post("", status_code=202, responses=ACCEPTED | problems(404, 422, 429, 503, 507))
async def create_projection(
    request: Request, response: Response, name: Name, query: Annotated[ProjectionQuery, Query()], library: LibraryDep
) -> Job:
    """Make a map of a collection: a job, whose progress is at /jobs/{id}. It replaces an older map of its name."""
    job = await operations.submit_projection(library, name, query.wish())
    response.headers["Location"] = f"/jobs/{job.id}"
    return Job.of(job, request.scope)


@router.get("", responses=example(PROJECTIONS) | problems(404, 422, 503))
async def list_projections(name: Name, library: LibraryDep) -> Projections:
    """All maps of a collection, without their points."""
    opened = await asyncio.to_thread(lambda: library.store.collection(name))

    def lines() -> list[ProjectionSummary]:
        return [
            ProjectionSummary.of(one, operations.outdated(library.store, name, one)) for one in library.store.maps(name)
        ]

    return Projections(projections=await asyncio.to_thread(lines), notice=library.notice(opened))


@router.get("/{map}", responses=_shown() | problems(404, 406, 422, 503), response_model=Projection)
async def get_projection(request: Request, name: Name, map: MapName, library: LibraryDep) -> Response:  # noqa: A002
    """A map: a point for every image, as JSON or as a picture coloured by label."""
    form = choose(request.headers.get("accept"), FORMS)
    opened = await asyncio.to_thread(lambda: library.store.collection(name))
    notice = library.notice(opened)

    def content() -> bytes:
        chart = operations.view(library.store, name, map)
        if form == "application/json":
            return Projection.drawn(chart, notice).model_dump_json().encode()
        labels = [line.label for line in chart.lines]
        return picture(chart.facts, chart.coordinates, labels, f"the collection {name}", notice, chart.outdated)

    return Response(await asyncio.to_thread(content), media_type=form)


@router.delete("/{map}", responses=example(PROJECTION_SUMMARY) | problems(404, 422, 503, 507))
async def delete_projection(name: Name, map: MapName, library: LibraryDep) -> ProjectionSummary:  # noqa: A002
    """Forget a map. Answers with what it was."""

    def dropped() -> ProjectionSummary:
        was = library.store.map(name, map).facts
        line = ProjectionSummary.of(was, operations.outdated(library.store, name, was))
        library.store.delete_projection(name, map)
        return line

    return await asyncio.to_thread(dropped)


@router.post(
    "/{map}/place",
    openapi_extra=IMAGES,
    responses=answers_with(PlaceAnswer, PlaceAnswers, 409),
    response_model=None,
)
async def place_on_projection(
    request: Request,
    name: Name,
    map: MapName,  # noqa: A002
    query: Annotated[PlaceQuery, Query()],
    library: LibraryDep,
    limits: BodyLimitsDep,
) -> Response:
    """Class scores, and where an image lies on a finished map, which stays as it is."""
    await library.opened(name)
    if map not in {one.name for one in await asyncio.to_thread(lambda: library.store.maps(name))}:
        raise UnknownName(f"collection {name!r} has no map {map[:80]!r}; GET /collections/{name}/projection lists them")
    images = await read_images(request, limits)
    question = Question(top_k=query.top_k)
    outcomes = await answer_all(
        request, images, lambda data: operations.place_image(library, name, map, data, question)
    )
    return json_response(request, outcomes, PlaceAnswer.of)
