"""POST /explain/{method}."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from service.api.body.reader import read_images
from service.api.openapi.responses import IMAGES, METHOD_NAMES, METHOD_PARAMETERS, PICTURES, answers_with
from service.api.queries.images import ExplainQuery
from service.api.schemas import explanation_images
from service.api.schemas.answers import ExplainAnswer, ExplainAnswers
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
    responses=answers_with(ExplainAnswer, ExplainAnswers, 406, 409, content=PICTURES),
)
async def explain(
    request: Request,
    method: MethodName,
    query: Annotated[ExplainQuery, Query()],
    answers: AnswersDep,
    allowed: BodyLimitsDep,
) -> Response:
    """Where the model looked: class scores and one method's maps, as JSON, as a picture, or as numbers.

    `Accept: image/png` or `image/jpeg` gives the first target's map painted over the image, and `application/x-npy`
    the raw maps float32 [targets, height, width] as NumPy writes them.
    """
    form = choose(request.headers.get("accept"), ("application/json", *explanation_images.FORMS))
    question = explanation_images.asked_for(form, query.question(request.query_params, (method,)))
    images = await read_images(request, allowed)
    if form in explanation_images.FORMS:
        explanation_images.check_one(images)
    outcomes = await answer_all(request, images, lambda data: answers.explain(data, question))
    if form in explanation_images.FORMS:
        return explanation_images.reply(request, outcomes, form)
    return json_response(request, outcomes, ExplainAnswer.of)
