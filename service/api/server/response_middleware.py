"""What every request gets: an id, security headers, a log line, and a count in the metrics."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.server.metrics import Metrics

access = logging.getLogger("fovea.access")

CLIENT_DISCONNECTED = 499
KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class ResponseMiddleware:
    """The outermost middleware. Pure ASGI: it passes bodies and disconnects through unchanged.

    frame_ancestors: origins whose pages may show responses in a frame; every Content-Security-Policy gets them.

    The log line has the path template instead of the path, and neither query nor headers, because any of them could
    contain a patient's name.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, frame_ancestors: Sequence[str] = ()) -> None:
        self.app, self.metrics = app, metrics
        self.frames = " ".join(("frame-ancestors", *(frame_ancestors or ["'none'"])))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request_id, self.frames)
                if scope["app"].state.draining:
                    MutableHeaders(scope=message)["Connection"] = "close"  # the next request goes to another server
            await send(message)

        try:
            with self.metrics.in_flight.track_inprogress():
                await self.app(scope, receive, send_with_headers)
        finally:
            self._record(scope, status or CLIENT_DISCONNECTED, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in KNOWN_METHODS else "OTHER"
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        self.metrics.count_request(method, route, status, seconds)
        access.info(
            "method=%s route=%s status=%d ms=%.1f request_id=%s",
            method,
            route,
            status,
            seconds * 1000,
            scope["state"]["request_id"],
        )


def _request_id(scope: Scope) -> str:
    """The client's id if it is a UUID, which can contain nothing personal; otherwise a new one."""
    try:
        return str(uuid.UUID(Headers(scope=scope).get("x-request-id", "")))
    except ValueError:
        return str(uuid.uuid4())


def _add_headers(message: Message, request_id: str, frames: str) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Request-ID"] = request_id
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    headers["Content-Security-Policy"] += f"; {frames}"
