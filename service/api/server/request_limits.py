"""Limits on requests: size, time to arrive, memory of all bodies together, Host header, encoding of the query."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import MalformedRequest, Overloaded, TooLarge, TooSlow
from service.settings import Settings

MIB = 2**20
MIN_BYTES_PER_SECOND = 256 * 2**10
"""Slowest rate at which a body may arrive, after the first `receive_seconds`."""


def max_body_bytes(settings: Settings) -> int:
    """Size limit of a body: the largest allowed images as base64, and 1 MiB for everything else."""
    return settings.max_images * settings.max_image_bytes * 4 // 3 + MIB


class RequestLimits:
    """Checks the limits while a body arrives, with or without a Content-Length. Pure ASGI; it stores no body itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hosts = {host.lower() for host in settings.allowed_hosts}
        self.max_bytes = max_body_bytes(settings)
        self.receive_seconds = settings.receive_seconds
        self.max_buffered = settings.receive_memory_mb * MIB
        self.buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        self._check_host(headers.get("host", ""))
        _check_query(scope["query_string"])
        content_length = headers.get("content-length", "0")
        self.check_bytes(int(content_length[:20]) if content_length.isdecimal() else 0)
        body = IncomingBody(self, receive)
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.buffered -= body.nbytes

    def _check_host(self, host: str) -> None:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self.hosts and name.lower() not in self.hosts:
            raise MalformedRequest("the Host header is none of the hosts in FOVEA_ALLOWED_HOSTS")

    def check_bytes(self, nbytes: int) -> None:
        """Raise TooLarge if a body has too many bytes."""
        if nbytes > self.max_bytes:
            raise TooLarge(f"a request body may have at most {self.max_bytes / MIB:.0f} MiB")

    def buffer(self, nbytes: int) -> None:
        """Add bytes to the total of all request bodies. Raises Overloaded if the total exceeds the limit."""
        self.buffered += nbytes
        if self.buffered > self.max_buffered:
            raise Overloaded("too many large requests at the same time; retry in a second")


def _check_query(query: bytes) -> None:
    """Raise MalformedRequest for a query that is not UTF-8, because decoding it would lose information."""
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise MalformedRequest("the percent-decoded query is not UTF-8") from None


class IncomingBody:
    """One request body while it arrives. nbytes: received so far."""

    def __init__(self, limits: RequestLimits, receive: Receive) -> None:
        self.limits, self._receive = limits, receive
        self.nbytes, self.complete = 0, False
        self.started = time.monotonic()

    async def receive(self) -> Message:
        """The next ASGI message, without a time limit after the complete body. Raises TooSlow, TooLarge, Overloaded."""
        if self.complete:
            return await self._receive()
        allowed = self.limits.receive_seconds + self.nbytes / MIN_BYTES_PER_SECOND
        try:
            async with asyncio.timeout(self.started + allowed - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow(
                f"the body was not complete after {allowed:.0f} s; the limit is {self.limits.receive_seconds:.0f} s,"
                f" and one more second per {MIN_BYTES_PER_SECOND // 1024} KiB"
            ) from None
        nbytes = len(message.get("body", b""))
        self.nbytes += nbytes
        self.complete = not message.get("more_body", False)
        self.limits.buffer(nbytes)
        self.limits.check_bytes(self.nbytes)
        return message
