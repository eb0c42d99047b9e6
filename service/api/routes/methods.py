"""GET /methods."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.api.openapi.responses import example, problems
from service.api.queries.images import NoQuery
from service.api.schemas.models import Methods, measure_summary, method_summary
from service.explain.methods import METHODS
from service.explain.quality import MEASURES

router = APIRouter(tags=["methods"])

EXAMPLE = Methods(methods=[method_summary(METHODS["finercam"])], measures=[measure_summary(MEASURES["deletion"])])


@router.get("/methods", responses=example(EXAMPLE) | problems(422))
async def methods(request: Request, query: NoQuery) -> Methods:
    """Every explanation method: paper, formula, its own parameters, its cost, and what it needs of a model."""
    query.check(request.query_params)
    return Methods(
        methods=[*map(method_summary, METHODS.values())], measures=[*map(measure_summary, MEASURES.values())]
    )
