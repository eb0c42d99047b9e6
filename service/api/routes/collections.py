"""/collections: reference sets of images, and the neighbours of an image in them."""

from __future__ import annotations

import asyncio
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
from service.api.routes.jobs import ACCEPTED
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
from service.collections.library import NeighborsRequest
from service.errors import FoveaError, UnknownName
from service.runtime.question import Question

router = APIRouter(tags=["collections"])

Name = Annotated[
    str, Path(max_length=200, description="A collection; `GET /collections` lists them.", examples=["reference"])
]
Number = Annotated[int, Path(ge=1, lt=2**63, description="An item's number.", examples=[7])]

MADE: Responses = {201: example(examples.COLLECTION)[200]}
JPEG: Responses = {200: {"description": "The picture.", "content": {"image/jpeg": {"schema": BINARY}}}}


@router.post("/collections", status_code=201, responses=MADE | problems(404, 422, 503, 507))
async def create_collection(query: Annotated[CollectionQuery, Query()], library: LibraryDep) -> Collection:
    """A new, empty collection for one version of one model."""
    made = await library.create(query.name, query.model, query.thumbnails, query.originals)
    return await asyncio.to_thread(Collection.of, made, library)


@router.get("/collections", responses=example(Collections(collections=[examples.COLLECTION])) | problems(422, 503))
async def list_collections(library: LibraryDep) -> Collections:
    """All collections, with how many images each has and whether it still fits its model."""
    found = await library.collections()
    return Collections(collections=await asyncio.to_thread(lambda: [Collection.of(one, library) for one in found]))


@router.get("/collections/{name}", responses=example(examples.COLLECTION) | problems(404, 422, 503))
async def get_collection(name: Name, library: LibraryDep) -> Collection:
    """One collection: its model, what it keeps, and how many images it has."""
    return await asyncio.to_thread(lambda: Collection.of(library.store.collection(name), library))


@router.delete("/collections/{name}", responses=example(examples.COLLECTION) | problems(404, 422, 503, 507))
async def delete_collection(name: Name, library: LibraryDep) -> Collection:
    """Forget a collection and everything in it. Answers with what it was."""
    was = await asyncio.to_thread(lambda: Collection.of(library.store.collection(name), library))
    await asyncio.to_thread(lambda: library.store.delete(name))
    return was


@router.post(
    "/collections/{name}/reembed", status_code=202, responses=ACCEPTED | problems(404, 409, 422, 429, 503, 507)
)
async def reembed_collection(request: Request, response: Response, name: Name, library: LibraryDep) -> Job:
    """Embed a stale collection's images again by the model as it is now: a job, whose progress is at /jobs/{id}.

    Until it is done the collection answers as before, and then for all images at once. It needs their originals.
    """
    job = await reembedding.submit_reembedding(library, name)
    response.headers["Location"] = f"/jobs/{job.id}"
    return Job.of(job, request.scope)


@router.post(
    "/collections/{name}/items",
    openapi_extra=MASKED_IMAGES,
    responses=example(examples.SAVED) | problems(*sorted({*IMAGE_STATUSES, 409, 507})),
    response_model=AddedItems,
)
async def add_items(
    request: Request, name: Name, query: Annotated[ItemsQuery, Query()], library: LibraryDep, limits: BodyLimitsDep
) -> AddedItems:
    """Add images. What is answered as saved is on the disk; one that cannot be read or is refused is not added.

    Each may come with a mask of the region whose share in the answer the bias report is to tell, such as the anatomy:
    a picture as large as the image, both turned upright by their EXIF, white inside.
    """
    opened, _ = await library.opened(name)
    images = query.named(await read_masked(request, limits))
    found = await library.add(name, images)
    count_added(request, opened.model, found)
    if len(found) == 1 and isinstance(found[0], FoveaError):
        raise found[0]
    results = [
        describe(one, request.scope)
        if isinstance(one, FoveaError)
        else AddedItem(status="known" if one.known else "saved", id=one.id)
        for one in found
    ]
    return AddedItems(results=results, notice=library.notice(opened))


@router.get("/collections/{name}/items", responses=example(examples.ITEMS) | problems(404, 422, 503))
async def list_items(name: Name, query: Annotated[PageQuery, Query()], library: LibraryDep) -> Items:
    """The images of a collection, page by page."""
    opened = await asyncio.to_thread(lambda: library.store.collection(name))
    lines = await asyncio.to_thread(lambda: library.store.lines(name, query.after, query.limit + 1))
    shown = [Item.model_validate(line) for line in lines[: query.limit]]
    more = shown[-1].id if len(lines) > query.limit else None
    return Items(items=shown, next=more, notice=library.notice(opened))


@router.get(
    "/collections/{name}/items/{number}/thumbnail", response_class=Response, responses=JPEG | problems(404, 422, 503)
)
async def get_thumbnail(name: Name, number: Number, library: LibraryDep) -> Response:
    """An item's small picture, a JPEG of at most 128 pixels."""
    data = await asyncio.to_thread(lambda: library.store.thumbnail(name, number))
    if data is None:
        raise UnknownName(f"collection {name!r} keeps no thumbnails")
    return Response(data, media_type="image/jpeg")


@router.delete("/collections/{name}/items/{number}", responses=example(examples.ITEM) | problems(404, 422, 503, 507))
async def delete_item(name: Name, number: Number, library: LibraryDep) -> Item:
    """Forget one image. Answers with what it was."""
    found = (await asyncio.to_thread(lambda: library.store.named(name, [number]))).get(number)
    await asyncio.to_thread(lambda: library.store.remove(name, number))
    return Item.model_validate(found)


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
    near = NeighborsRequest(query.k, query.metric, query.space)
    await library.opened(name)
    images = await read_images(request, limits)
    question = Question(top_k=query.top_k)
    outcomes = await answer_all(request, images, lambda data: library.neighbours(name, data, near, question))
    return json_response(request, outcomes, NeighborsAnswer.of)
