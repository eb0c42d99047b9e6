"""GET /methods."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, Request, Response

from service.api.openapi.responses import conditional, example, problems
from service.api.schemas.models import Methods, measure_summary, method_summary
from service.api.server.conditional import conditional_response
from service.explain.methods import METHODS
from service.explain.quality import MEASURES

router = APIRouter(tags=["methods"])

EXAMPLE = Methods(methods=[method_summary(METHODS["finercam"])], measures=[measure_summary(MEASURES["deletion"])])


@router.get("/methods", response_model=Methods, responses=conditional(example(EXAMPLE)) | problems(422))
async def list_methods(request: Request) -> Response:
    """List all explanation methods: paper, formula, parameters, cost in forwards, and the head it requires."""
    return conditional_response(request, _content())


@cache
def _content() -> bytes:
    methods, measures = map(method_summary, METHODS.values()), map(measure_summary, MEASURES.values())
    return Methods(methods=[*methods], measures=[*measures]).model_dump_json().encode()
