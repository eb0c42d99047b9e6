"""POST /predict."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.body.reader import read_images
from service.api.openapi.responses import IMAGES, answers_with
from service.api.queries.images import PredictQuery
from service.api.schemas.answers import PredictAnswer, PredictAnswers
from service.api.server.dependencies import AnswersDep, BodyLimitsDep
from service.api.server.dispatch import answer_all, json_response

router = APIRouter(tags=["answers"])


@router.post("/predict", openapi_extra=IMAGES, responses=answers_with(PredictAnswer, PredictAnswers))
async def predict(
    request: Request, query: Annotated[PredictQuery, Query()], answers: AnswersDep, limits: BodyLimitsDep
) -> Response:
    """Return the most probable classes of an image, with calibrated probabilities."""
    question = query.question()
    images = await read_images(request, limits)
    question = answers.pinned(question)
    outcomes = await answer_all(request, images, lambda data: answers.predict(data, question))
    return json_response(request, outcomes, PredictAnswer.of)
