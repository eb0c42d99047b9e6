"""POST /embed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.asking import as_json, ask_all
from service.api.body import read_images
from service.api.contract import IMAGES, answers_with
from service.api.queries import EmbedQuery
from service.api.schemas import EmbedAnswer, EmbedAnswers
from service.api.wiring import Allowed, Asked

router = APIRouter(tags=["answers"])


@router.post("/embed", openapi_extra=IMAGES, responses=answers_with(EmbedAnswer, EmbedAnswers))
async def embed(request: Request, query: Annotated[EmbedQuery, Query()], answers: Asked, allowed: Allowed) -> Response:
    """The image as a vector: what the network knows of it right before its last linear layer, or any stage pooled."""
    question = query.question(request.query_params)
    images = await read_images(request, allowed)
    outcomes = await ask_all(request, images, lambda data: answers.embed(data, question))
    return as_json(request, outcomes, EmbedAnswer.of)
