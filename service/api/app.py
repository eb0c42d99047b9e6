"""The whole service as one ASGI app: everything is wired here, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.api.openapi.examples import keep_example_nulls
from service.api.problems import OF_HTTP, UNEXPECTED, occurrence, reply, reply_to
from service.api.routes import (
    analyze,
    collections,
    embed,
    explain,
    jobs,
    methods,
    models,
    pages,
    predict,
    probes,
    problems,
    projections,
    reports,
)
from service.api.server.metrics import Metrics
from service.api.server.request_limits import RequestLimits
from service.api.server.response_middleware import ResponseMiddleware
from service.collections.job_kinds import JOB_KINDS
from service.collections.library import Library
from service.errors import BadParameter
from service.runtime.answers import Answers
from service.settings import Settings

API_VERSION = "0.1.0"
"""Of the contract: its second part grows with what is added, its first would with what breaks."""

DESCRIPTION = """An image classifier's answer **and the reason for it**.

Send an image in any of three ways: a form (`curl -F image=@retina.jpg`), its bytes
(`curl -H 'Content-Type: image/jpeg' --data-binary @retina.jpg`), or JSON (`{"image": "<base64>"}`).
One image gives one answer; several give `{"results": [...]}` in order. Every error is a problem of RFC 9457 whose
detail says what is wrong and what would be right.
"""

TAGS = [
    {"name": "answers", "description": "Ask about images."},
    {"name": "collections", "description": "Reference sets of images, and what is near to an image in them."},
    {"name": "jobs", "description": "Work that takes longer than a request: how far it is, and an end to it."},
    {"name": "models", "description": "Which models there are, and what they say of themselves."},
    {"name": "methods", "description": "How an answer can be explained."},
    {"name": "operation", "description": "Probes, metrics, and what problems mean."},
]

ROUTERS = (
    predict,
    explain,
    embed,
    analyze,
    collections,
    projections,
    reports,
    jobs,
    models,
    methods,
    probes,
    problems,
    pages,
)

NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
"""FastAPI's own would hand queries and errors to any exporter that the environment names."""


def create_app(settings: Settings, answers: Answers | None = None) -> FastAPI:
    """The service. answers: what it asks; left out, the real thing, started and closed with the app.

    Raises RegistryError where there is no registry at settings.registry.
    """
    app = Fovea(
        title="Fovea",
        version=API_VERSION,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        telemetry=NO_TELEMETRY,
    )
    app.state.settings = settings
    app.state.answers = answers or Answers(settings)
    app.state.library = Library(app.state.answers, JOB_KINDS)
    app.state.metrics = Metrics()
    app.state.metrics.watch_models(_states(app.state.answers))
    app.state.draining = False
    for module in ROUTERS:
        app.include_router(module.router)
    app.router.routes.extend(pages.MOUNTS)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_middleware(RequestLimits, settings=settings)
    app.add_middleware(ResponseMiddleware, metrics=app.state.metrics)
    return app


def document(app: FastAPI) -> str:
    """The OpenAPI document as it is committed: indented by two, with a newline at its end."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


class Fovea(FastAPI):
    """FastAPI whose OpenAPI document keeps the nulls of its examples."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = keep_example_nulls(super().openapi())
        return self.openapi_schema


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    await app.state.answers.start()
    await app.state.library.start()
    try:
        yield
    finally:
        await app.state.library.close()
        await app.state.answers.close()


def _states(answers: Answers) -> Callable[[], dict[str, str]]:
    return lambda: {name: answers.registry.state(name) for name in answers.registry.names}


async def _on_http(request: Request, error: Exception) -> Response:
    """What the router itself refuses: an address or a method that does not exist."""
    if not isinstance(error, HTTPException):
        raise error
    kind = OF_HTTP.get(error.status_code, UNEXPECTED)
    detail = f"{kind.meaning} (You asked {request.method}.)" if error.status_code == 405 else kind.meaning
    return reply(occurrence(kind, detail, request.scope), dict(error.headers or {}))


async def _on_invalid(request: Request, error: Exception) -> Response:
    """A query parameter that cannot be what it should be."""
    if not isinstance(error, RequestValidationError):
        raise error
    return reply_to(BadParameter("; ".join(map(_fault, error.errors()))), request.scope)


def _fault(fault: dict[str, Any]) -> str:
    where = ".".join(str(step) for step in fault["loc"][1:])
    message = fault["msg"].removeprefix("Value error, ")
    return f"{fault['loc'][0]} parameter {where}: {message}"
