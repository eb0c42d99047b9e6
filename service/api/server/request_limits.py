"""Limits on requests: size, time to arrive, memory of all bodies together, Host header, encoding of the query."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.server.allowed_hosts import AllowedHosts
from service.api.server.content_coding import Decode, decoder
from service.errors import MalformedRequest, Overloaded, TooLarge, TooSlow
from service.settings import Settings

MIB = 2**20
MIN_BYTES_PER_SECOND = 256 * 2**10
"""Slowest rate at which a body may arrive, after the first `receive_seconds`."""


def max_body_bytes(settings: Settings, content_type: str = "") -> int:
    """Size limit of a body: of JSON, the setting; of others, the largest allowed images and 1 MiB for what is around
    them."""
    if content_type.partition(";")[0].strip().lower() == "application/json":
        return settings.max_json_bytes
    return settings.max_images * settings.max_image_bytes + MIB


class RequestLimits:
    """Checks the limits while a body arrives, with or without a Content-Length. Pure ASGI; it stores no body itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.hosts = AllowedHosts(settings.allowed_hosts)
        self.receive_seconds = settings.receive_seconds
        self.max_buffered = settings.receive_memory_mb * MIB
        self.buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        self.hosts.check(headers.getlist("host"))
        _check_query(scope["query_string"])
        decode = decoder(", ".join(headers.getlist("content-encoding")))
        body = IncomingBody(self, receive, decode, max_body_bytes(self.settings, headers.get("content-type", "")))
        content_length = headers.get("content-length", "0")
        body.check_bytes(int(content_length[:20]) if content_length.isdecimal() else 0)
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.buffered -= body.decoded_bytes

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
    """One request body while it arrives. The application receives it decoded.

    received_bytes: as sent; the time limit depends on them. decoded_bytes: without the Content-Encoding; the limits on
    size and memory count these.
    """

    def __init__(self, limits: RequestLimits, receive: Receive, decode: Decode, max_bytes: int) -> None:
        self.limits, self.max_bytes = limits, max_bytes
        self._receive, self._decode = receive, decode
        self.received_bytes = self.decoded_bytes = 0
        self.complete = self._last = False
        self._pieces: Iterator[bytes] = iter(())
        self._started = time.monotonic()

    def check_bytes(self, nbytes: int) -> None:
        """Raise TooLarge if the body has too many bytes."""
        if nbytes > self.max_bytes:
            raise TooLarge(f"a request body may have at most {self.max_bytes / MIB:.4g} MiB")

    async def receive(self) -> Message:
        """The next ASGI message, without a time limit after the complete body.

        Raises TooSlow, TooLarge, Overloaded, and MalformedRequest for a body that cannot be decoded.
        """
        if self.complete:
            return await self._receive()
        piece = self._next_piece()
        while piece is None and not self._last:
            message = await self._receive_in_time()
            if message["type"] != "http.request":
                return message
            data, self._last = message.get("body", b""), not message.get("more_body", False)
            self.received_bytes += len(data)
            self.check_bytes(self.received_bytes)  # a long gzip header decodes to nothing
            self._pieces = self._decode(data, self._last)
            piece = self._next_piece()
        await asyncio.sleep(0)  # decompression may return many pieces in a row
        self.complete = piece is None
        return {"type": "http.request", "body": piece or b"", "more_body": not self.complete}

    def _next_piece(self) -> bytes | None:
        """The next decoded piece of what has arrived; None if there is none."""
        piece = next(self._pieces, None)
        if piece is not None:
            self.decoded_bytes += len(piece)
            self.limits.buffer(len(piece))
            self.check_bytes(self.decoded_bytes)
        return piece

    async def _receive_in_time(self) -> Message:
        allowed = self.limits.receive_seconds + self.received_bytes / MIN_BYTES_PER_SECOND
        try:
            async with asyncio.timeout(self._started + allowed - time.monotonic()):
                return await self._receive()
        except TimeoutError:
            raise TooSlow(
                f"the body was not complete after {allowed:.0f} s; the limit is {self.limits.receive_seconds:.0f} s,"
                f" and one more second per {MIN_BYTES_PER_SECOND // 1024} KiB"
            ) from None
