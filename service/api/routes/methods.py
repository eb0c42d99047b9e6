"""GET /methods."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.api.contract import example, problems
from service.api.descriptions import Methods, measure_line, method_line
from service.api.queries import Plain
from service.explain.methods import METHODS
from service.explain.quality import MEASURES

router = APIRouter(tags=["methods"])

EXAMPLE = Methods(methods=[method_line(METHODS["finercam"])], measures=[measure_line(MEASURES["deletion"])])


@router.get("/methods", responses=example(EXAMPLE) | problems(422))
async def methods(request: Request, query: Plain) -> Methods:
    """Every explanation method: paper, formula, its own parameters, its cost, and what it needs of a model."""
    query.check(request.query_params)
    return Methods(methods=[*map(method_line, METHODS.values())], measures=[*map(measure_line, MEASURES.values())])
