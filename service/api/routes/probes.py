"""GET /livez, /readyz and /metrics: for whoever keeps the service running."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from service.api.openapi.responses import METRICS, example, problems
from service.api.schemas.answers import Schema
from service.api.server.dependencies import AnswersDep
from service.api.server.metrics import CONTENT_TYPE
from service.errors import UnavailableError

router = APIRouter(tags=["operation"])


class Alive(Schema):
    """The process runs and its event loop turns."""

    status: Literal["alive"] = "alive"


class Ready(Schema):
    """Questions to the default model are answered."""

    status: Literal["ready"] = "ready"
    detail: str
    """More about it, where there is more to say."""


@router.get("/livez", responses=example(Alive()))
async def livez() -> Alive:
    """Whether the process is alive: answers at once, whatever is being computed."""
    return Alive()


@router.get("/readyz", responses=example(Ready(detail="")) | problems(503))
async def readyz(request: Request, answers: AnswersDep) -> Ready:
    """Whether to send requests here: not before the default model is loaded, and no longer once the service stops."""
    if request.app.state.draining:
        raise UnavailableError("the service is stopping", retry_after=5)
    ready, why = answers.ready
    if not ready:
        raise UnavailableError(why or "the service is starting")
    return Ready(detail=why)


@router.get("/metrics", response_class=PlainTextResponse, response_model=None, responses=METRICS)
async def metrics(request: Request) -> Response:
    """Counts and durations for Prometheus; nothing in them comes from a request's content."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)
