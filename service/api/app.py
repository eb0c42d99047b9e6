"""The service as one ASGI application. All parts are connected here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig

from service import __version__
from service.api.openapi.document import DESCRIPTION, SERVER, TAGS, operation_id, with_parameter_examples
from service.api.openapi.examples import restore_examples
from service.api.openapi.responses import ON_EVERY_ROUTE
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
    version,
)
from service.api.server.cors import add_cors
from service.api.server.error_middleware import ErrorMiddleware
from service.api.server.exception_handlers import add_exception_handlers
from service.api.server.head_requests import HeadRequests
from service.api.server.metrics import Metrics
from service.api.server.request_checks import check_request
from service.api.server.request_limits import RequestLimits
from service.api.server.response_middleware import ResponseMiddleware
from service.collections.job_kinds import JOB_KINDS
from service.collections.library import Library
from service.runtime.answers import Answers
from service.runtime.inference_service import InferenceService
from service.settings import Settings

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
    version,
    problems,
    pages,
)
"""In the order of the API document."""

NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
"""FastAPI's telemetry would send queries and errors to an exporter that the environment configures."""


def create_app(settings: Settings, answers: Answers | None = None) -> FastAPI:
    """The application. answers: the use cases; by default the real ones, started and closed with the application.

    Raises RegistryError if there is no registry at settings.registry.
    """
    app = Fovea(
        title="Fovea",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=_lifespan,
        dependencies=[Depends(check_request)],
        responses=ON_EVERY_ROUTE,
        generate_unique_id_function=operation_id,
        servers=[SERVER],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        telemetry=NO_TELEMETRY,
    )
    app.state.settings = settings
    app.state.answers = answers or InferenceService(settings)
    app.state.library = Library(app.state.answers, JOB_KINDS)
    app.state.metrics = Metrics()
    app.state.metrics.watch_models(_model_states(app.state.answers))
    app.state.draining = False
    for module in ROUTERS:
        app.include_router(module.router)
    app.router.routes.extend(pages.MOUNTS)
    add_exception_handlers(app)
    app.add_middleware(HeadRequests)  # the innermost; each further one encloses those before it
    app.add_middleware(RequestLimits, settings=settings)
    app.add_middleware(ErrorMiddleware)
    add_cors(app, settings.allowed_origins)
    app.add_middleware(ResponseMiddleware, metrics=app.state.metrics, frame_ancestors=settings.frame_ancestors)
    return app


def document(app: FastAPI) -> str:
    """The OpenAPI document as it is committed: indented by two spaces, with a newline at the end."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


class Fovea(FastAPI):
    """FastAPI, with the examples of the OpenAPI document as clients need them."""

    def openapi(self) -> dict[str, Any]:
        """The document, built once."""
        if self.openapi_schema is None:
            self.openapi_schema = with_parameter_examples(restore_examples(super().openapi()))
        return self.openapi_schema

    @cached_property
    def openapi_json(self) -> bytes:
        """The document as it is served."""
        return json.dumps(self.openapi(), ensure_ascii=False, separators=(",", ":")).encode()


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    await app.state.answers.start()
    await app.state.library.start()
    try:
        yield
    finally:
        await app.state.library.close()
        await app.state.answers.close()


def _model_states(answers: Answers) -> Callable[[], dict[str, str]]:
    return lambda: {status.record.name: status.state for status in answers.registry.now}
