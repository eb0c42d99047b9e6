"""Deadlines on a connection, which uvicorn has none of: a header that dribbles in, an answer nobody reads."""

from __future__ import annotations

import asyncio
import uuid
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.api.problems import OF_HTTP, occurrence

MOST_HEADER_BYTES = 64 * 2**10
SLOWEST_READER = 64 * 2**10
"""Bytes of an answer that its reader must take within one patience."""

UNREADABLE = (
    "this is no HTTP/1.1 request, or its address and header are longer than 64 KiB; long texts go into the body"
)


class HttpProtocol(HttpToolsProtocol):
    """One connection. patience: seconds for a header, for the rest of an unread body, and for a reader that stalls.

    Complete requests are not timed here: a body has its own deadline, and an answer its own too.
    """

    receive_seconds = 10.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self._in_header, self._header_bytes = False, 0
        self._waiting: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_header:
            self._header_bytes += len(data)
        if self._in_header and self._header_bytes > MOST_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's words, for what cannot be parsed
        """Answer in the form of every other problem, though no route has seen the request."""
        request_id = str(uuid.uuid4())
        problem = occurrence(OF_HTTP[400], UNREADABLE, {"path": "", "state": {"request_id": request_id}})
        content = problem.model_dump_json().encode()
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json\r\n"
            + f"x-request-id: {request_id}\r\ncontent-length: {len(content)}\r\n\r\n".encode()
            + content
        )
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_header, self._header_bytes = True, 0
        self._wait()

    def on_headers_complete(self) -> None:
        self._in_header = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._wait()  # what is left of a body that was refused is thrown away, but not forever

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:
            self._stop_waiting()
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(
            self.receive_seconds, self._check_reader, self.transport.get_write_buffer_size()
        )

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.receive_seconds, self._give_up)

    def _give_up(self) -> None:
        self._waiting = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait()  # we owe an answer to what came before: it is not the client who is late
        else:
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _check_reader(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if before - left < SLOWEST_READER:
            self.transport.abort()
        else:
            self._stalled = self.loop.call_later(self.receive_seconds, self._check_reader, left)
