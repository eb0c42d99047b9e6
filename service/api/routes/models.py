"""GET /models, /models/{name} and /models/{name}/filters; POST /models/reload and /models/{name}/activations."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from service.api.body.reader import read_images
from service.api.openapi import examples
from service.api.openapi.responses import FILTERS, IMAGES, TILES, answers_with, conditional, example, problems
from service.api.queries.models import ActivationsQuery, FiltersQuery
from service.api.schemas.activations import ActivationsAnswer, ActivationsAnswers
from service.api.schemas.explanation_images import answer_headers, require_one_image, single_answer
from service.api.schemas.models import ModelDetails, Models, ReloadReport, model_details, models_of
from service.api.schemas.unit_images import FILTER_ENCODERS, tiles_png
from service.api.server.administration import check_administrator
from service.api.server.conditional import conditional_response
from service.api.server.dependencies import AnswersDep, BodyLimitsDep
from service.api.server.dispatch import answer_all, json_response
from service.api.server.negotiation import choose
from service.models.filters import filters
from service.runtime.describe import describe

router = APIRouter(tags=["models"])

ModelName = Annotated[str, Path(description="Name of a model; `GET /models` lists them.", examples=["glaucoma"])]


@router.get("/models", response_model=Models, responses=conditional(example(examples.MODELS)) | problems(422))
async def list_models(request: Request, answers: AnswersDep) -> Response:
    """List all models with their state: ready, missing, loading or failed."""
    return conditional_response(request, models_of(answers.registry).model_dump_json().encode())


@router.post(
    "/models/reload",
    dependencies=[Depends(check_administrator)],
    responses=example(examples.RELOAD) | problems(403, 422),
)
async def reload_models(answers: AnswersDep) -> ReloadReport:
    """Read the registry again: load new and changed models, and remove those that are gone, while answers go on.

    Only clients on the machine of the service may do this. Each model is replaced in one step, once the new one is
    ready; where it fails, the old one stays in use. `GET /models` shows the last report.
    """
    return ReloadReport.model_validate(await answers.reload())


@router.get("/models/{name}", responses=example(examples.MODEL) | problems(404, 422))
async def get_model(name: ModelName, answers: AnswersDep) -> ModelDetails:
    """Return one model: its card, labels, layers, applicable methods, digests and engine."""
    status = answers.registry.status(name)
    described = None if status.classifier is None else await asyncio.to_thread(describe, status.classifier)
    return model_details(status, described)


@router.get("/models/{name}/filters", response_model=None, responses=FILTERS | problems(404, 406, 422, 503))
async def get_filters(
    request: Request, name: ModelName, query: Annotated[FiltersQuery, Query()], answers: AnswersDep
) -> Response:
    """Return the filters of a convolution as a picture, or as numbers with `Accept: application/json`."""
    media_type = choose(request.headers.get("accept"), tuple(FILTER_ENCODERS))
    network = answers.registry.get(name).network
    layer, weights = await asyncio.to_thread(filters, network, query.layer)
    content = await asyncio.to_thread(FILTER_ENCODERS[media_type], name, layer, weights)
    return Response(content, media_type=media_type)


@router.post(
    "/models/{name}/activations",
    openapi_extra=IMAGES,
    response_model=None,
    responses=answers_with(ActivationsAnswer, ActivationsAnswers, 406, 409, content=TILES),
)
async def get_activations(
    request: Request,
    name: ModelName,
    query: Annotated[ActivationsQuery, Query()],
    answers: AnswersDep,
    limits: BodyLimitsDep,
) -> Response:
    """Return the feature maps of single units for an image, as numbers or as a picture.

    `Accept: image/png` returns the units of one image side by side, each scaled to its own range.
    """
    media_type = choose(request.headers.get("accept"), ("application/json", *TILES))
    question = query.question(name)
    images = await read_images(request, limits)
    question = answers.pinned(question)
    if media_type in TILES:
        require_one_image(images)
    outcomes = await answer_all(request, images, lambda data: answers.activations(data, question))
    if media_type not in TILES:
        return json_response(request, outcomes, ActivationsAnswer.of)
    answer = single_answer(request, outcomes)
    if answer.activations is None:
        raise ValueError("the answer has no feature maps")
    content = await asyncio.to_thread(tiles_png, answer.activations)
    headers = answer_headers(answer, {"Layer": answer.activations.layer})
    return Response(content, headers=headers, media_type=media_type)
