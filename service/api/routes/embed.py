"""POST /embed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.body.reader import read_images
from service.api.openapi.responses import IMAGES, answers_with
from service.api.queries.images import EmbedQuery
from service.api.schemas.answers import EmbedAnswer, EmbedAnswers
from service.api.server.dependencies import AnswersDep, BodyLimitsDep
from service.api.server.dispatch import answer_all, json_response

router = APIRouter(tags=["answers"])


@router.post("/embed", openapi_extra=IMAGES, responses=answers_with(EmbedAnswer, EmbedAnswers))
async def embed(
    request: Request, query: Annotated[EmbedQuery, Query()], answers: AnswersDep, allowed: BodyLimitsDep
) -> Response:
    """The image as a vector: what the network knows of it right before its last linear layer, or any stage pooled."""
    question = query.question(request.query_params)
    images = await read_images(request, allowed)
    outcomes = await answer_all(request, images, lambda data: answers.embed(data, question))
    return json_response(request, outcomes, EmbedAnswer.of)
