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
    request: Request, query: Annotated[EmbedQuery, Query()], answers: AnswersDep, limits: BodyLimitsDep
) -> Response:
    """Return an image as a vector: the input of the network's last linear layer, or the pooled output of any stage."""
    question = query.question()
    images = await read_images(request, limits)
    question = answers.pinned(question)
    outcomes = await answer_all(request, images, lambda data: answers.embed(data, question))
    return json_response(request, outcomes, EmbedAnswer.of)
