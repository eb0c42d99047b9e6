"""Errors as responses: every error becomes a problem, and unexpected ones a log line without their message."""

from __future__ import annotations

import logging
import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import UNEXPECTED, error_response, make_problem, problem_response
from service.errors import FoveaError, OperatorError

logger = logging.getLogger("fovea.api")


class ErrorMiddleware:
    """Responds to errors of all inner layers. Pure ASGI.

    The message of an unexpected error is not logged, because it could quote the request, and so a patient's name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except ClientDisconnect:
            return
        except FoveaError as error:
            if isinstance(error, OperatorError):
                text = f"{type(error).__name__}: {error}"
                logger.error("request_id=%s %s", scope["state"]["request_id"], text)  # noqa: TRY400  no stack needed
            response = error_response(error, scope)
        except Exception as error:  # noqa: BLE001  logged without its message
            logger.error("request_id=%s unexpected %s", scope["state"]["request_id"], _outline(error))  # noqa: TRY400
            problem = make_problem(UNEXPECTED, "an unexpected error; the log has it under this request id", scope)
            response = problem_response(problem)
        if not started:
            await response(scope, receive, send)


def _outline(error: Exception) -> str:
    """The place of an error, innermost frame first, without its message."""
    frames = reversed(traceback.extract_tb(error.__traceback__)[-8:])
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {places}"
