"""From images to answers: all of a request's images at once, and nothing computed for a client who has left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.api.problems import describe
from service.errors import DamagedImage, FoveaError, ModelFault, TooLarge, UnavailableError, UnsupportedImage
from service.runtime.results import Answer

T = TypeVar("T")
Outcome = Answer | FoveaError

OF_ONE_IMAGE = (TooLarge, UnsupportedImage, DamagedImage, UnavailableError)
"""Errors that may befall one image and spare the next. All others are about the question, which all images share."""


async def answer_all(
    request: Request, images: Sequence[bytes], ask: Callable[[bytes], Awaitable[Answer]]
) -> list[Outcome]:
    """An answer or an error for each image, in order; all are asked about at once.

    Raises the error where it is the only image's, concerns the question itself, or is that the service cannot answer
    any of them now; ClientDisconnect where the client has left, and then the work is cancelled.
    """
    outcomes = await _while_connected(request, _gather([_outcome(ask(image)) for image in images]))
    failed = [outcome for outcome in outcomes if isinstance(outcome, FoveaError)]
    shared = next((error for error in failed if not isinstance(error, OF_ONE_IMAGE)), None)
    if shared is None and len(failed) == len(outcomes) and (len(outcomes) == 1 or _is_closed(failed)):
        shared = failed[0]
    if shared is not None:
        raise shared
    return outcomes


def json_response(request: Request, outcomes: list[Outcome], shape: Callable[[Answer, str], BaseModel]) -> Response:
    """One answer as itself; several as `{"results": [answer or problem, ...]}`, and then always with status 200."""
    results = [_shaped(request, outcome, shape) for outcome in outcomes]
    if len(results) == 1 and isinstance(results[0], FoveaError):
        raise results[0]
    shown = [describe(one, request.scope) if isinstance(one, FoveaError) else one for one in results]
    texts = [one.__pydantic_serializer__.to_json(one) for one in shown]
    content = texts[0] if len(texts) == 1 else b'{"results":[' + b",".join(texts) + b"]}"
    return Response(content, media_type="application/json")


def _shaped(request: Request, outcome: Outcome, shape: Callable[[Answer, str], BaseModel]) -> BaseModel | FoveaError:
    if isinstance(outcome, FoveaError):
        return outcome
    request.app.state.metrics.answered(outcome.model.name, outcome.status, outcome.timing_ms)
    try:
        return shape(outcome, request.state.request_id)
    except ValidationError as error:
        what = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors()[:3])
        return ModelFault(f"model {outcome.model.name!r} gave numbers that are not finite, or impossible: {what}")


def _is_closed(failed: list[FoveaError]) -> bool:
    return all(isinstance(error, UnavailableError) for error in failed)


async def _outcome(answer: Awaitable[Answer]) -> Outcome:
    try:
        return await answer
    except FoveaError as error:
        return error


async def _gather(work: list[Coroutine[None, None, Outcome]]) -> list[Outcome]:
    return await asyncio.gather(*work)


async def _while_connected(request: Request, work: Coroutine[None, None, T]) -> T:
    """The result of the work, which is cancelled should the client leave first. The body must have been read."""
    task, gone = asyncio.create_task(work), asyncio.create_task(_disconnect(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
