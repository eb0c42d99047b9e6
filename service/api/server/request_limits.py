"""Bounds on what a request may bring: bytes, time to arrive, memory of all together, its address and its letters."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import MalformedRequest, Overloaded, TooLarge, TooSlow
from service.settings import Settings

MIB = 2**20
SLOWEST = 256 * 2**10
"""Bytes a second below which an arriving body uses up its patience."""


def most_body_bytes(settings: Settings) -> int:
    """Bytes the largest lawful body has: every image at its limit, as base64, and room for what surrounds it."""
    return settings.max_images * settings.max_image_bytes * 4 // 3 + MIB


class RequestLimits:
    """Counts bodies as they arrive, whether or not they announce a length. Pure ASGI: it holds no body itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hosts = {host.lower() for host in settings.allowed_hosts}
        self.most_bytes = most_body_bytes(settings)
        self.receive_seconds = settings.receive_seconds
        self.most_held = settings.receive_memory_mb * MIB
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        self._check_host(headers.get("host", ""))
        _check_query(scope["query_string"])
        announced = headers.get("content-length", "0")
        self.check_bytes(int(announced[:20]) if announced.isdecimal() else 0)
        arrival = Arrival(self, receive)
        try:
            await self.app(scope, arrival.receive, send)
        finally:
            self.held -= arrival.nbytes

    def _check_host(self, host: str) -> None:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self.hosts and name.lower() not in self.hosts:
            raise MalformedRequest("the Host header names no host that this service answers for")

    def check_bytes(self, nbytes: int) -> None:
        """Raise TooLarge where a body of so many bytes is over the limit."""
        if nbytes > self.most_bytes:
            raise TooLarge(f"a request may have at most {self.most_bytes / MIB:.0f} MiB in all")

    def hold(self, nbytes: int) -> None:
        """Take bytes from the memory that all bodies share; raise Overloaded where there is none left."""
        self.held += nbytes
        if self.held > self.most_held:
            raise Overloaded("too many large requests at one time; ask again in a second")


def _check_query(query: bytes) -> None:
    """What is no text would be taken for another one: undecodable bytes all turn into the same letter."""
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise MalformedRequest("the query is not UTF-8 once its percent-encoding is undone") from None


class Arrival:
    """One body on its way in. nbytes: what has arrived of it."""

    def __init__(self, limits: RequestLimits, receive: Receive) -> None:
        self.limits, self._receive = limits, receive
        self.nbytes, self.complete = 0, False
        self.began = time.monotonic()

    async def receive(self) -> Message:
        """The next message; raises TooSlow, TooLarge or Overloaded. Waits without limit once the body is complete."""
        if self.complete:
            return await self._receive()
        allowed = self.limits.receive_seconds + self.nbytes / SLOWEST
        try:
            async with asyncio.timeout(self.began + allowed - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow(
                f"the body was not complete after {allowed:.0f} s; it may take"
                f" {self.limits.receive_seconds:.0f} s, and one more for each {SLOWEST // 1024} KiB"
            ) from None
        body = len(message.get("body", b""))
        self.nbytes += body
        self.complete = not message.get("more_body", False)
        self.limits.hold(body)
        self.limits.check_bytes(self.nbytes)
        return message
