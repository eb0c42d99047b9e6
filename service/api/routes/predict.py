"""POST /predict."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.asking import as_json, ask_all
from service.api.body import read_images
from service.api.contract import IMAGES, answers_with
from service.api.queries import PredictQuery
from service.api.schemas import PredictAnswer, PredictAnswers
from service.api.wiring import Allowed, Asked

router = APIRouter(tags=["answers"])


@router.post("/predict", openapi_extra=IMAGES, responses=answers_with(PredictAnswer, PredictAnswers))
async def predict(
    request: Request, query: Annotated[PredictQuery, Query()], answers: Asked, allowed: Allowed
) -> Response:
    """What the model sees in an image: the likeliest classes with calibrated probabilities."""
    question = query.question(request.query_params)
    images = await read_images(request, allowed)
    outcomes = await ask_all(request, images, lambda data: answers.predict(data, question))
    return as_json(request, outcomes, PredictAnswer.of)
