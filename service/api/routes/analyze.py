"""POST /analyze."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.body.reader import read_images
from service.api.openapi.responses import IMAGES, METHOD_PARAMETERS, answers_with
from service.api.queries.images import AnalyzeQuery
from service.api.schemas.answers import AnalyzeAnswer, AnalyzeAnswers
from service.api.server.dependencies import AnswersDep, BodyLimitsDep
from service.api.server.dispatch import answer_all, json_response

router = APIRouter(tags=["answers"])


@router.post(
    "/analyze",
    openapi_extra=IMAGES | METHOD_PARAMETERS,
    responses=answers_with(AnalyzeAnswer, AnalyzeAnswers, 409),
)
async def analyze(
    request: Request, query: Annotated[AnalyzeQuery, Query()], answers: AnswersDep, limits: BodyLimitsDep
) -> Response:
    """Return class scores, the maps of several methods and the image as a vector, from one forward pass."""
    question = query.question()
    images = await read_images(request, limits)
    question = answers.pinned(question)
    outcomes = await answer_all(request, images, lambda data: answers.analyze(data, question))
    return json_response(request, outcomes, AnalyzeAnswer.of)
