"""HEAD wherever there is GET: the same status and headers, without the body (RFC 9110)."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadRequests:
    """Middleware that handles HEAD as GET and discards the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self.app(scope, receive, send)

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        get = {**scope, "method": "GET"}  # a copy: the server needs to know that the request is HEAD
        try:
            await self.app(get, receive, send_without_body)
        finally:
            scope["route"] = get.get("route")  # for the log line
