"""POST /explain/{method}."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from service.api.body.reader import read_images
from service.api.openapi.responses import EXPLANATION_IMAGES, IMAGES, METHOD_NAMES, METHOD_PARAMETERS, answers_with
from service.api.queries.images import ExplainQuery
from service.api.schemas.answers import ExplainAnswer, ExplainAnswers
from service.api.schemas.explanation_images import (
    ENCODERS,
    explanation_response,
    require_one_image,
    with_overlay,
)
from service.api.server.dependencies import AnswersDep, BodyLimitsDep
from service.api.server.dispatch import answer_all, json_response
from service.api.server.negotiation import choose

router = APIRouter(tags=["answers"])

MethodName = Annotated[
    str, Path(description="An explanation method; `GET /methods` describes them.", json_schema_extra=METHOD_NAMES)
]


@router.post(
    "/explain/{method}",
    openapi_extra=IMAGES | METHOD_PARAMETERS,
    responses=answers_with(ExplainAnswer, ExplainAnswers, 406, 409, content=EXPLANATION_IMAGES),
)
async def explain(
    request: Request,
    method: MethodName,
    query: Annotated[ExplainQuery, Query()],
    answers: AnswersDep,
    limits: BodyLimitsDep,
) -> Response:
    """Return class scores and one method's maps, as JSON, as a picture or as numbers.

    `Accept: image/png` or `image/jpeg` returns the first target's map painted over the image, and `application/x-npy`
    returns the raw maps as a NumPy file, float32 [targets, height, width].
    """
    media_type = choose(request.headers.get("accept"), ("application/json", *ENCODERS))
    question = with_overlay(query.question((method,)), media_type)
    images = await read_images(request, limits)
    question = answers.pinned(question)
    if media_type in ENCODERS:
        require_one_image(images)
    outcomes = await answer_all(request, images, lambda data: answers.explain(data, question))
    if media_type in ENCODERS:
        return explanation_response(request, outcomes, media_type)
    return json_response(request, outcomes, ExplainAnswer.of)
