"""GET /models, /models/{name} and /models/{name}/filters; POST /models/{name}/activations."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from service.api.body.reader import read_images
from service.api.openapi import examples
from service.api.openapi.responses import FILTERS, IMAGES, TILES, answers_with, example, problems
from service.api.queries.images import ActivationsQuery, FiltersQuery, NoQuery
from service.api.schemas import unit_images
from service.api.schemas.answers import ActivationsAnswer, ActivationsAnswers
from service.api.schemas.explanation_images import answered, check_one, facts
from service.api.schemas.models import ModelDetails, Models, model_details, model_summary
from service.api.server.dependencies import AnswersDep, BodyLimitsDep
from service.api.server.dispatch import answer_all, json_response
from service.api.server.negotiation import choose
from service.models.filters import filters
from service.runtime.describe import describe

router = APIRouter(tags=["models"])

ModelName = Annotated[str, Path(description="A model's name; `GET /models` lists them.", examples=["glaucoma"])]


@router.get("/models", responses=example(examples.MODELS) | problems(422))
async def models(request: Request, query: NoQuery, answers: AnswersDep) -> Models:
    """All models with their state: ready, missing, loading or failed."""
    query.check(request.query_params)
    registry = answers.registry
    return Models(default=registry.default, models=[model_summary(registry.status(name)) for name in registry.names])


@router.get("/models/{name}", responses=example(examples.MODEL) | problems(404, 422))
async def model(request: Request, name: ModelName, query: NoQuery, answers: AnswersDep) -> ModelDetails:
    """One model: its card, labels, layers, the methods that apply to it, digests and engine."""
    query.check(request.query_params)
    status = answers.registry.status(name)
    described = None if status.classifier is None else await asyncio.to_thread(describe, status.classifier)
    return model_details(status, described)


@router.get("/models/{name}/filters", response_model=None, responses=FILTERS | problems(404, 406, 422, 503))
async def show_filters(
    request: Request, name: ModelName, query: Annotated[FiltersQuery, Query()], answers: AnswersDep
) -> Response:
    """What a convolution's filters look like, as a picture, or as numbers with `Accept: application/json`."""
    query.check(request.query_params)
    form = choose(request.headers.get("accept"), tuple(unit_images.FORMS))
    network = answers.registry.get(name).network
    layer, weights = await asyncio.to_thread(filters, network, query.layer)
    content = await asyncio.to_thread(unit_images.FORMS[form], name, layer, weights)
    return Response(content, media_type=form)


@router.post(
    "/models/{name}/activations",
    openapi_extra=IMAGES,
    response_model=None,
    responses=answers_with(ActivationsAnswer, ActivationsAnswers, 406, 409, content=TILES),
)
async def activations(
    request: Request,
    name: ModelName,
    query: Annotated[ActivationsQuery, Query()],
    answers: AnswersDep,
    allowed: BodyLimitsDep,
) -> Response:
    """What single units of a layer make of an image: their feature maps as numbers, or side by side as a picture.

    `Accept: image/png` gives one image's units as tiles, each stretched to its own range.
    """
    query.check(request.query_params)
    form = choose(request.headers.get("accept"), ("application/json", *TILES))
    question = query.asked(name)
    images = await read_images(request, allowed)
    if form in TILES:
        check_one(images)
    outcomes = await answer_all(request, images, lambda data: answers.activations(data, question))
    if form not in TILES:
        return json_response(request, outcomes, ActivationsAnswer.of)
    answer = answered(request, outcomes)
    if answer.activations is None:
        raise ValueError("feature maps were asked for")
    content = await asyncio.to_thread(unit_images.tiles_png, answer.activations)
    return Response(content, headers=facts(answer, {"Layer": answer.activations.layer}), media_type=form)
