"""GET /methods."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.openapi.responses import example, problems
from service.api.schemas.models import Methods, measure_summary, method_summary
from service.explain.methods import METHODS
from service.explain.quality import MEASURES

router = APIRouter(tags=["methods"])

EXAMPLE = Methods(methods=[method_summary(METHODS["finercam"])], measures=[measure_summary(MEASURES["deletion"])])


@router.get("/methods", responses=example(EXAMPLE) | problems(422))
async def list_methods() -> Methods:
    """List all explanation methods: paper, formula, parameters, cost in forwards, and the head it requires."""
    return Methods(
        methods=[*map(method_summary, METHODS.values())], measures=[*map(measure_summary, MEASURES.values())]
    )
