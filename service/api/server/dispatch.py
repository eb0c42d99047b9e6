"""From images to answers: all images of a request concurrently, and cancelled when the client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.api.problems import describe
from service.errors import (
    DamagedImage,
    FoveaError,
    ModelFault,
    RefusedImage,
    TooLarge,
    UnavailableError,
    UnsupportedImage,
)
from service.runtime.results import Answer

T = TypeVar("T")
Outcome = Answer | FoveaError


class HoldsAnswer(Protocol):
    """The answer to one image, with other results, such as its neighbours."""

    @property
    def answer(self) -> Answer:
        """The answer to the image."""
        ...


Result = TypeVar("Result", bound=Answer | HoldsAnswer)

IMAGE_ERRORS = (TooLarge, UnsupportedImage, DamagedImage, UnavailableError)
"""Errors that may concern one image of several. All others concern the question, which the images share."""


async def answer_all(
    request: Request, images: Sequence[bytes], answer: Callable[[bytes], Awaitable[Result]]
) -> list[Result | FoveaError]:
    """An answer or an error for each image, in order. The images are answered concurrently.

    Raises an error that concerns the only image, the question itself, or the whole service (if it cannot answer any of
    the images now). Raises ClientDisconnect if the client disconnects; the work is then cancelled.
    """
    with request.app.state.answers.admission.accept(len(images)):
        outcomes = await _while_connected(request, _gather([_outcome(answer(image)) for image in images]))
    failed = [outcome for outcome in outcomes if isinstance(outcome, FoveaError)]
    shared = next((error for error in failed if not isinstance(error, IMAGE_ERRORS)), None)
    if shared is None and len(failed) == len(outcomes) and (len(outcomes) == 1 or _all_unavailable(failed)):
        shared = failed[0]
    if shared is not None:
        raise shared
    return outcomes


def json_response(
    request: Request, outcomes: list[Result | FoveaError], serialize: Callable[[Result, str], BaseModel]
) -> Response:
    """One answer as itself; several as `{"results": [answer or problem, ...]}`, always with status 200."""
    results = [_serialized(request, outcome, serialize) for outcome in outcomes]
    if len(results) == 1 and isinstance(results[0], FoveaError):
        raise results[0]
    shown = [describe(one, request.scope) if isinstance(one, FoveaError) else one for one in results]
    texts = [one.__pydantic_serializer__.to_json(one) for one in shown]
    content = texts[0] if len(texts) == 1 else b'{"results":[' + b",".join(texts) + b"]}"
    return Response(content, media_type="application/json")


def count_answer(request: Request, answer: Answer) -> None:
    """Count one answered or refused image in the metrics."""
    request.app.state.metrics.count_answer(answer.model.name, answer.status, answer.timing_ms)


def count_added(request: Request, model: str, results: Sequence[object]) -> None:
    """Count the images added to a collection. results: an error for each image that was not added."""
    for result in results:
        if isinstance(result, RefusedImage):
            request.app.state.metrics.count_answer(model, "refused", {})
        elif not isinstance(result, FoveaError):
            request.app.state.metrics.count_answer(model, "ok", {})


def _serialized(
    request: Request, outcome: Result | FoveaError, serialize: Callable[[Result, str], BaseModel]
) -> BaseModel | FoveaError:
    if isinstance(outcome, FoveaError):
        return outcome
    answer = outcome if isinstance(outcome, Answer) else outcome.answer
    count_answer(request, answer)
    try:
        return serialize(outcome, request.state.request_id)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors()[:3])
        return ModelFault(f"model {answer.model.name!r} returned invalid numbers: {fields}")


def _all_unavailable(failed: list[FoveaError]) -> bool:
    return all(isinstance(error, UnavailableError) for error in failed)


async def _outcome(answer: Awaitable[Result]) -> Result | FoveaError:
    try:
        return await answer
    except FoveaError as error:
        return error


async def _gather(work: list[Coroutine[None, None, T]]) -> list[T]:
    return await asyncio.gather(*work)


async def _while_connected(request: Request, work: Coroutine[None, None, T]) -> T:
    """The result of the work; cancelled if the client disconnects first. The body must have been read."""
    task, disconnect = asyncio.create_task(work), asyncio.create_task(_disconnect(request))
    try:
        await asyncio.wait({task, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        disconnect.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
