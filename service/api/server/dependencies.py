"""The parts of the application that routes depend on.

The functions are async although they await nothing: FastAPI would run plain functions in its thread pool.
"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from service.api.body.body_limits import BodyLimits
from service.collections.library import Library
from service.runtime.answers import Answers


async def _answers(request: Request) -> Answers:
    return cast("Answers", request.app.state.answers)


async def _library(request: Request) -> Library:
    return cast("Library", request.app.state.library)


async def _body_limits(request: Request) -> BodyLimits:
    return BodyLimits.of(request.app.state.settings)


AnswersDep = Annotated[Answers, Depends(_answers)]
"""The use cases."""

LibraryDep = Annotated[Library, Depends(_library)]
"""The collections."""

BodyLimitsDep = Annotated[BodyLimits, Depends(_body_limits)]
"""Limits on the images of one request."""
