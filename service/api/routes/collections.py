"""/collections: reference sets of images, and the neighbours of an image in them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from service.api.body.reader import read_images, read_masked
from service.api.openapi.responses import (
    BINARY,
    IMAGE_STATUSES,
    IMAGES,
    MASKED_IMAGES,
    Responses,
    answers_with,
    example,
    problems,
)
from service.api.problems import describe
from service.api.queries.collections import CollectionQuery, ItemsQuery, NeighborsQuery, PageQuery
from service.api.routes.jobs import ACCEPTED, accepted
from service.api.schemas import collections as examples
from service.api.schemas.collections import (
    AddedItem,
    AddedItems,
    Collection,
    Collections,
    Item,
    Items,
    NeighborsAnswer,
    NeighborsAnswers,
)
from service.api.schemas.jobs import Job
from service.api.server.dependencies import BodyLimitsDep, LibraryDep
from service.api.server.dispatch import answer_all, count_added, json_response
from service.collections import reembedding
from service.collections.neighbors import NeighborsRequest
from service.errors import FoveaError
from service.runtime.question import Question

router = APIRouter(tags=["collections"])

Name = Annotated[
    str, Path(max_length=200, description="A collection; `GET /collections` lists them.", examples=["reference"])
]
Number = Annotated[int, Path(ge=1, lt=2**63, description="An item's number.", examples=[1])]

CREATED: Responses = {201: example(examples.COLLECTION)[200]}
JPEG: Responses = {200: {"description": "The picture.", "content": {"image/jpeg": {"schema": BINARY}}}}


@router.post("/collections", status_code=201, responses=CREATED | problems(404, 422, 503, 507))
async def create_collection(query: Annotated[CollectionQuery, Query()], library: LibraryDep) -> Collection:
    """A new, empty collection for one version of one model."""
    return Collection.of(await library.create(query.name, query.model, query.thumbnails, query.originals))


@router.get("/collections", responses=example(Collections(collections=[examples.COLLECTION])) | problems(422, 503))
async def list_collections(library: LibraryDep) -> Collections:
    """All collections, with how many images each has and whether it still fits its model."""
    return Collections(collections=[Collection.of(one) for one in await library.collections()])


@router.get("/collections/{name}", responses=example(examples.COLLECTION) | problems(404, 422, 503))
async def get_collection(name: Name, library: LibraryDep) -> Collection:
    """One collection: its model, what it stores, and how many images it has."""
    return Collection.of(await library.collection(name))


@router.delete("/collections/{name}", responses=example(examples.COLLECTION) | problems(404, 422, 503, 507))
async def delete_collection(name: Name, library: LibraryDep) -> Collection:
    """Delete a collection and everything in it. The answer is the collection as it was."""
    return Collection.of(await library.delete(name))


@router.post(
    "/collections/{name}/reembed", status_code=202, responses=ACCEPTED | problems(404, 409, 422, 429, 503, 507)
)
async def reembed_collection(request: Request, response: Response, name: Name, library: LibraryDep) -> Job:
    """Embed a stale collection's images again with the model as it is now: a job, whose progress is at /jobs/{id}.

    Until it is done the collection is unchanged; then all images change at once. It needs their originals.
    """
    return accepted(await reembedding.submit_reembedding(library, name), request, response)


@router.post(
    "/collections/{name}/items",
    openapi_extra=MASKED_IMAGES,
    responses=example(examples.SAVED) | problems(*sorted({*IMAGE_STATUSES, 409, 507})),
    response_model=AddedItems,
)
async def add_items(
    request: Request, name: Name, query: Annotated[ItemsQuery, Query()], library: LibraryDep, limits: BodyLimitsDep
) -> AddedItems:
    """Add images. An image with the status `saved` is on the disk; one that cannot be read or is refused is not added.

    Each image may have a mask of the region that the bias report compares with, such as the anatomy: a picture as large
    as the image, both turned upright by their EXIF orientation, white inside.
    """
    collection, _ = await library.open_collection(name)
    images = query.label_images(await read_masked(request, limits))
    outcomes = await library.add(name, images)
    count_added(request, collection.model, outcomes)
    if len(outcomes) == 1 and isinstance(outcomes[0], FoveaError):
        raise outcomes[0]
    results = [
        describe(outcome, request.scope) if isinstance(outcome, FoveaError) else AddedItem.of(outcome)
        for outcome in outcomes
    ]
    return AddedItems(results=results, notice=await library.notice(name))


@router.get("/collections/{name}/items", responses=example(examples.ITEMS) | problems(404, 422, 503))
async def list_items(name: Name, query: Annotated[PageQuery, Query()], library: LibraryDep) -> Items:
    """The images of a collection, page by page."""
    summaries = await library.items(name, query.after, query.limit + 1)
    shown = [Item.model_validate(summary) for summary in summaries[: query.limit]]
    following = shown[-1].id if len(summaries) > query.limit else None
    return Items(items=shown, next=following, notice=await library.notice(name))


@router.get(
    "/collections/{name}/items/{number}/thumbnail", response_class=Response, responses=JPEG | problems(404, 422, 503)
)
async def get_thumbnail(name: Name, number: Number, library: LibraryDep) -> Response:
    """An item's thumbnail, a JPEG of at most 128 pixels."""
    return Response(await library.thumbnail(name, number), media_type="image/jpeg")


@router.delete("/collections/{name}/items/{number}", responses=example(examples.ITEM) | problems(404, 422, 503, 507))
async def delete_item(name: Name, number: Number, library: LibraryDep) -> Item:
    """Delete one image. The answer is the item as it was."""
    return Item.model_validate(await library.remove(name, number))


@router.post(
    "/collections/{name}/neighbors",
    openapi_extra=IMAGES,
    responses=answers_with(NeighborsAnswer, NeighborsAnswers, 409),
    response_model=None,
)
async def find_neighbors(
    request: Request, name: Name, query: Annotated[NeighborsQuery, Query()], library: LibraryDep, limits: BodyLimitsDep
) -> Response:
    """Class scores, and the most similar images of a collection with their labels, distances and thumbnails."""
    neighbors_request = NeighborsRequest(query.k, query.metric, query.space)
    await library.open_collection(name)
    images = await read_images(request, limits)
    question = Question(top_k=query.top_k)
    outcomes = await answer_all(
        request, images, lambda data: library.neighbors(name, data, neighbors_request, question)
    )
    return json_response(request, outcomes, NeighborsAnswer.of_neighbors)
