"""GET /livez, /readyz and /metrics: for orchestrators and monitoring."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from service.api.openapi.responses import METRICS, example, problems
from service.api.schemas.base import Schema
from service.api.server.dependencies import AnswersDep
from service.api.server.metrics import CONTENT_TYPE
from service.errors import UnavailableError

router = APIRouter(tags=["operation"])


class Alive(Schema):
    """The process runs and its event loop responds."""

    status: Literal["alive"] = "alive"


class Ready(Schema):
    """The default model answers requests."""

    status: Literal["ready"] = "ready"
    detail: str
    """Further information; may be empty."""


@router.get("/livez", responses=example(Alive()) | problems(422))
async def check_liveness() -> Alive:
    """Report whether the process is alive. Responds at once, whatever is being computed."""
    return Alive()


@router.get("/readyz", responses=example(Ready(detail="")) | problems(422, 503))
async def check_readiness(request: Request, answers: AnswersDep) -> Ready:
    """Report whether to send requests here: after the default model is loaded, and until the service begins to stop."""
    if request.app.state.draining:
        raise UnavailableError("the service is stopping", retry_after=5)
    ready, reason = answers.ready
    if not ready:
        raise UnavailableError(reason or "the service is starting")
    return Ready(detail=reason)


@router.get("/metrics", response_class=PlainTextResponse, response_model=None, responses=METRICS | problems(422))
async def get_metrics(request: Request) -> Response:
    """Return counts and durations for Prometheus. They contain nothing from the content of requests."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)
