"""Requests as raw ASGI sees them: message by message, with silences and departures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from starlette.types import ASGIApp, Message

Headers = dict[str, str]
SILENCE = "silence"
"""Stands for a client who says nothing more."""


def chunk(data: bytes, more: bool = True) -> Message:
    """A piece of a body."""
    return {"type": "http.request", "body": data, "more_body": more}


def scope(path: str = "/predict", headers: Headers | None = None) -> dict[str, Any]:
    """A POST request."""
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": raw,
        "server": ("localhost", 80),
        "client": ("localhost", 1),
    }


def client_of(messages: Iterable[Any]) -> Callable[[], Any]:
    """A `receive` that gives these messages; a number is a pause in seconds, SILENCE never ends."""
    coming = iter(messages)

    async def receive() -> Message:
        message = next(coming, SILENCE)
        while isinstance(message, float):
            await asyncio.sleep(message)
            message = next(coming, SILENCE)
        if message == SILENCE:
            await asyncio.Event().wait()
        return message

    return receive


async def post(
    app: ASGIApp, messages: Iterable[Any], headers: Headers | None = None, path: str = "/predict"
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a POST; status 0 where nothing was answered."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async with asyncio.timeout(60):
        await app(scope(path, headers), client_of(messages), send)
    if not sent:
        return 0, {}, b""
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent)
