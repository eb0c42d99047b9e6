"""POST /analyze."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.asking import as_json, ask_all
from service.api.body import read_images
from service.api.contract import IMAGES, METHOD_PARAMETERS, answers_with
from service.api.queries import AnalyzeQuery
from service.api.schemas import AnalyzeAnswer, AnalyzeAnswers
from service.api.wiring import Allowed, Asked

router = APIRouter(tags=["answers"])


@router.post(
    "/analyze",
    openapi_extra=IMAGES | METHOD_PARAMETERS,
    responses=answers_with(AnalyzeAnswer, AnalyzeAnswers, 409),
)
async def analyze(
    request: Request, query: Annotated[AnalyzeQuery, Query()], answers: Asked, allowed: Allowed
) -> Response:
    """Everything from one forward: class scores, the maps of several methods, and the image as a vector."""
    question = query.asked(request.query_params)
    images = await read_images(request, allowed)
    outcomes = await ask_all(request, images, lambda data: answers.analyze(data, question))
    return as_json(request, outcomes, AnalyzeAnswer.of)
