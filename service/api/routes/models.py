"""GET /models, /models/{name} and /models/{name}/filters."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from service.api import drawing, examples
from service.api.contract import FILTERS, example, problems
from service.api.descriptions import ModelDetails, Models, details, line
from service.api.negotiation import choose
from service.api.queries import FiltersQuery, Plain
from service.api.wiring import Asked
from service.models.filters import filters
from service.runtime.describe import describe

router = APIRouter(tags=["models"])

ModelName = Annotated[str, Path(description="A model's name; `GET /models` lists them.", examples=["glaucoma"])]


@router.get("/models", responses=example(examples.MODELS) | problems(422))
async def models(request: Request, query: Plain, answers: Asked) -> Models:
    """All models with their state: ready, missing, loading or failed."""
    query.check(request.query_params)
    registry = answers.registry
    return Models(default=registry.default, models=[line(registry.status(name)) for name in registry.names])


@router.get("/models/{name}", responses=example(examples.MODEL) | problems(404, 422))
async def model(request: Request, name: ModelName, query: Plain, answers: Asked) -> ModelDetails:
    """One model: its card, labels, layers, the methods that apply to it, digests and engine."""
    query.check(request.query_params)
    status = answers.registry.status(name)
    described = None if status.classifier is None else await asyncio.to_thread(describe, status.classifier)
    return details(status, described)


@router.get("/models/{name}/filters", response_model=None, responses=FILTERS | problems(404, 406, 422, 503))
async def show_filters(
    request: Request, name: ModelName, query: Annotated[FiltersQuery, Query()], answers: Asked
) -> Response:
    """What a convolution's filters look like, as a picture, or as numbers with `Accept: application/json`."""
    query.check(request.query_params)
    form = choose(request.headers.get("accept"), tuple(drawing.FORMS))
    network = answers.registry.get(name).network
    layer, weights = await asyncio.to_thread(filters, network, query.layer)
    content = await asyncio.to_thread(drawing.FORMS[form], name, layer, weights)
    return Response(content, media_type=form)
