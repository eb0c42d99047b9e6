"""/collections/{name}/projection: projections of a collection, and new images placed on them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from service.api.body.reader import read_images
from service.api.openapi.responses import IMAGES, TILES, Responses, answers_with, example, problems
from service.api.queries.collections import PlaceQuery, ProjectionQuery
from service.api.routes.collections import Name
from service.api.routes.jobs import ACCEPTED, accepted
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
from service.collections.projections.picture import Caption, picture
from service.runtime.question import Question

router = APIRouter(prefix="/collections/{name}/projection", tags=["collections"])

ProjectionName = Annotated[
    str, Path(max_length=200, description="A projection; `GET .../projection` lists them.", examples=["tsne-2d"])
]
MEDIA_TYPES = ("application/json", "image/png")


def _points_or_picture() -> Responses:
    points: dict[str, Any] = example(PROJECTION)[200]
    return {200: {"description": "The projection, as points or as a picture.", "content": points["content"] | TILES}}


@router.post("", status_code=202, responses=ACCEPTED | problems(404, 422, 429, 503, 507))
async def create_projection(
    request: Request, response: Response, name: Name, query: Annotated[ProjectionQuery, Query()], library: LibraryDep
) -> Job:
    """Compute a projection of a collection: a job, whose progress is at /jobs/{id}. It replaces one of its name."""
    return accepted(await operations.submit_projection(library, name, query.to_request()), request, response)


@router.get("", responses=example(PROJECTIONS) | problems(404, 422, 503))
async def list_projections(name: Name, library: LibraryDep) -> Projections:
    """All projections of a collection, without their points."""
    found = await operations.projections(library, name)
    return Projections(projections=[ProjectionSummary.of(one) for one in found], notice=await library.notice(name))


@router.get("/{projection}", responses=_points_or_picture() | problems(404, 406, 422, 503), response_model=Projection)
async def get_projection(request: Request, name: Name, projection: ProjectionName, library: LibraryDep) -> Response:
    """A projection: a point for every image, as JSON or as a picture coloured by label."""
    media_type = choose(request.headers.get("accept"), MEDIA_TYPES)
    notice = await library.notice(name)
    if media_type == "application/json":
        content = await operations.render_projection(library, name, projection, partial(_json, notice=notice))
    else:
        content = await operations.render_projection(library, name, projection, partial(_png, name=name, notice=notice))
    return Response(content, media_type=media_type)


@router.delete("/{projection}", responses=example(PROJECTION_SUMMARY) | problems(404, 422, 503, 507))
async def delete_projection(name: Name, projection: ProjectionName, library: LibraryDep) -> ProjectionSummary:
    """Delete a projection. The answer is the projection as it was."""
    return ProjectionSummary.of(await operations.delete_projection(library, name, projection))


@router.post(
    "/{projection}/place",
    openapi_extra=IMAGES,
    responses=answers_with(PlaceAnswer, PlaceAnswers, 409),
    response_model=None,
)
async def place_on_projection(
    request: Request,
    name: Name,
    projection: ProjectionName,
    query: Annotated[PlaceQuery, Query()],
    library: LibraryDep,
    limits: BodyLimitsDep,
) -> Response:
    """Class scores, and the place of an image on a finished projection, which does not change."""
    await library.open_collection(name)
    await operations.check_exists(library, name, projection)
    images = await read_images(request, limits)
    question = Question(top_k=query.top_k)
    outcomes = await answer_all(
        request, images, lambda data: operations.place_image(library, name, projection, data, question)
    )
    return json_response(request, outcomes, PlaceAnswer.of_placement)


def _json(view: operations.ProjectionView, notice: str) -> bytes:
    return Projection.with_points(view, notice).model_dump_json().encode()


def _png(view: operations.ProjectionView, name: str, notice: str) -> bytes:
    labels = [summary.label for summary in view.summaries]
    return picture(view.facts, view.coordinates, labels, Caption(f"the collection {name}", notice, view.outdated))
