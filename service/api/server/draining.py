"""uvicorn with the service's deadlines, and a shutdown that fails the readiness probe before it stops listening."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.api.server.http_protocol import HttpProtocol
from service.api.server.request_limits import max_body_bytes
from service.settings import Settings

SEND_SECONDS = 5
"""Seconds that a shutdown waits for the last responses to be sent, beyond the deadline of an answer."""


class DrainingServer(uvicorn.Server):
    """On SIGTERM, `/readyz` fails at once; the server stops listening after `drain` seconds and exits after the last
    response. On SIGHUP, the registry is read again.

    A second SIGTERM stops listening at once. SIGINT does so at the first signal, and drops open requests at the second.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        limits = {"receive_seconds": settings.receive_seconds, "max_discarded_bytes": max_body_bytes(settings)}
        protocol = type("ConfiguredProtocol", (HttpProtocol,), limits)
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=protocol,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=round(settings.deadline_s) + SEND_SECONDS,
            )
        )
        self.app, self.drain = app, settings.drain_seconds
        self._stop_at = float("inf")
        self._reload: asyncio.Task[object] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called once, on the event loop."""
        await super().startup(sockets)
        if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._start_reload)

    def _start_reload(self) -> None:
        self._reload = asyncio.create_task(self.app.state.answers.reload())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called on SIGTERM and SIGINT, between two bytecodes."""
        del frame
        first, self.app.state.draining = not self.app.state.draining, True
        if sig == signal.SIGTERM and first and self.drain:
            self._stop_at = time.monotonic() + self.drain
        elif self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; True stops the server."""
        self.should_exit = self.should_exit or time.monotonic() >= self._stop_at
        return await super().on_tick(counter)
