"""What every request gets, whatever becomes of it: an id, an answer, security headers, a line in the log, a count."""

from __future__ import annotations

import logging
import time
import traceback
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import UNEXPECTED, occurrence, reply, reply_to
from service.api.server.metrics import Metrics
from service.errors import FoveaError, OperatorError

access = logging.getLogger("fovea.access")
logger = logging.getLogger("fovea.api")

CLIENT_GONE = 499
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
SECURITY = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class ResponseMiddleware:
    """The outermost layer. Pure ASGI: it never touches a body, and hides no disconnect.

    The log line holds the route's template in place of the path, and never a query, a header or a message of an
    unexpected error: any of them could carry what a patient is called.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 0

        async def send_dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message, request_id)
            await send(message)

        try:
            with self.metrics.in_flight.track_inprogress():
                await self._answer(scope, receive, send_dressed)
        finally:
            self._note(scope, status or CLIENT_GONE, time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_first(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_first)
        except ClientDisconnect:
            return
        except FoveaError as error:
            if isinstance(error, OperatorError):
                place = f"{type(error).__name__}: {error}"
                logger.error("request_id=%s %s", scope["state"]["request_id"], place)  # noqa: TRY400  no stack needed
            response = reply_to(error, scope)
        except Exception as error:  # noqa: BLE001  the last resort: logged without its message, which may quote the request
            logger.error("request_id=%s unexpected %s", scope["state"]["request_id"], _outline(error))  # noqa: TRY400
            response = reply(occurrence(UNEXPECTED, "an unexpected fault; the log has it under this request id", scope))
        if not begun:
            await response(scope, receive, send)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        self.metrics.count(method, route, status, seconds)
        access.info(
            "method=%s route=%s status=%d ms=%.1f request_id=%s",
            method,
            route,
            status,
            seconds * 1000,
            scope["state"]["request_id"],
        )


def _request_id(scope: Scope) -> str:
    """The client's own id where it is a UUID, and so can carry nothing else; otherwise a new one."""
    try:
        return str(uuid.UUID(Headers(scope=scope).get("x-request-id", "")))
    except ValueError:
        return str(uuid.uuid4())


def _dress(message: Message, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Request-ID"] = request_id
    for name, value in SECURITY.items():
        headers.setdefault(name, value)


def _outline(error: Exception) -> str:
    """Where an error came from, innermost first, without its message."""
    frames = reversed(traceback.extract_tb(error.__traceback__)[-8:])
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {places}"
