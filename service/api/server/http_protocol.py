"""What uvicorn lacks for connections: deadlines for headers that arrive slowly and for responses that are not read, and
responses that reach a client that is still sending its body.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.api.problems import HTTP_PROBLEMS, make_problem

MAX_HEADER_BYTES = 64 * 2**10
MIN_READ_BYTES = 64 * 2**10
"""Bytes of a response that the client must read within `receive_seconds`."""

MIN_DISCARDED_BYTES = 256 * 2**10
"""Bytes of an unread body that the client must send within `receive_seconds` after it was answered."""

UNREADABLE = "not an HTTP/1.1 request, or the address and headers are longer than 64 KiB"


class ClosedAfterBody:
    """The transport of one request, which `close` closes only when the body of the request has arrived.

    If a connection is closed while its client sends, the client gets a reset and loses the response (RFC 9112, 9.6).
    """

    def __init__(self, protocol: HttpProtocol, cycle: RequestResponseCycle) -> None:
        self._transport, self._protocol, self._cycle = protocol.transport, protocol, cycle

    def close(self) -> None:
        """Close the connection, now or at the end of the body."""
        if self._cycle.more_body:
            self._protocol.close_after_body = True
        else:
            self._transport.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


class HttpProtocol(HttpToolsProtocol):
    """One connection. receive_seconds: limit for a header, for a stalled reader, and for 256 KiB of an unread body.

    Other bodies and answers have deadlines elsewhere. max_discarded_bytes: most of an unread body that is awaited.
    """

    receive_seconds = 10.0
    max_discarded_bytes = 2**30

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self._reading_header, self._header_bytes = False, 0
        self._discarded = self._discarded_before = 0
        self.close_after_body = False
        self._header_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._reading_header:
            self._header_bytes += len(data)
        if self._reading_header and self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's text
        """Respond with a problem. No application code has seen this request."""
        request_id = str(uuid.uuid4())
        problem = make_problem(HTTP_PROBLEMS[400], UNREADABLE, {"path": "", "state": {"request_id": request_id}})
        content = problem.model_dump_json().encode()
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json\r\n"
            + f"x-request-id: {request_id}\r\ncontent-length: {len(content)}\r\n\r\n".encode()
            + content
        )
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading_header, self._header_bytes = True, 0
        self._start_timer()

    def on_headers_complete(self) -> None:
        self._reading_header = False
        self._stop_timer()
        super().on_headers_complete()
        self.cycle.transport = cast("asyncio.Transport", ClosedAfterBody(self, self.cycle))
        if self.expect_100_continue:
            self.cycle.keep_alive = False  # a client that is refused may send the body or the next request

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self.cycle.response_complete:
            self._discarded += len(body)
            if self._discarded > self.max_discarded_bytes:
                self.transport.abort()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._start_timer()  # the rest of a refused body is discarded, but not without limit

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.cycle.more_body = False
        if self.cycle.response_complete:
            self._stop_timer()
            self._start_timer()
            self._discarded = self._discarded_before = 0
            if self.close_after_body:
                self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._read_timer = self.loop.call_later(
            self.receive_seconds, self._check_reader, self.transport.get_write_buffer_size()
        )

    def resume_writing(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
        super().resume_writing()

    def _start_timer(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self.receive_seconds, self._on_timeout)

    def _on_timeout(self) -> None:
        self._header_timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._start_timer()  # the service is still answering the previous request
        elif self._discarded - self._discarded_before >= MIN_DISCARDED_BYTES:
            self._discarded_before = self._discarded
            self._start_timer()
        else:
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _check_reader(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if before - left < MIN_READ_BYTES:
            self.transport.abort()
        else:
            self._read_timer = self.loop.call_later(self.receive_seconds, self._check_reader, left)
