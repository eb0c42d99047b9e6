"""What routes are handed: the parts that `create_app` put together.

All of it is async, though nothing waits: FastAPI would send a plain function through its pool of threads.
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


async def _allowance(request: Request) -> BodyLimits:
    return BodyLimits.of(request.app.state.settings)


AnswersDep = Annotated[Answers, Depends(_answers)]
"""The running service's use cases."""

LibraryDep = Annotated[Library, Depends(_library)]
"""The service's collections."""

BodyLimitsDep = Annotated[BodyLimits, Depends(_allowance)]
"""What the images of one request may come to."""
