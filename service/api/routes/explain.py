"""POST /explain/{method}."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from service.api import pictures
from service.api.asking import as_json, ask_all
from service.api.body import read_images
from service.api.contract import IMAGES, METHOD_NAMES, METHOD_PARAMETERS, PICTURES, answers_with
from service.api.negotiation import choose
from service.api.queries import ExplainQuery
from service.api.schemas import ExplainAnswer, ExplainAnswers
from service.api.wiring import Allowed, Asked

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
    request: Request, method: MethodName, query: Annotated[ExplainQuery, Query()], answers: Asked, allowed: Allowed
) -> Response:
    """Where the model looked: class scores and one method's maps, as JSON, as a picture, or as numbers.

    `Accept: image/png` or `image/jpeg` gives the first target's map painted over the image, and `application/x-npy`
    the raw maps float32 [targets, height, width] as NumPy writes them.
    """
    form = choose(request.headers.get("accept"), ("application/json", *pictures.FORMS))
    question = pictures.asked_for(form, query.question(request.query_params, (method,)))
    images = await read_images(request, allowed)
    if form in pictures.FORMS:
        pictures.check_one(images)
    outcomes = await ask_all(request, images, lambda data: answers.explain(data, question))
    if form in pictures.FORMS:
        return pictures.reply(request, outcomes, form)
    return as_json(request, outcomes, ExplainAnswer.of)
