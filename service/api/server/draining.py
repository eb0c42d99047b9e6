"""uvicorn with this service's deadlines, and a stop that turns load balancers away before it closes the door."""

from __future__ import annotations

import signal
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.api.server.http_protocol import HttpProtocol
from service.settings import Settings

LAST_ANSWERS = 5
"""Seconds beyond the deadline of an answer that a stop waits for the last ones to be sent."""


class DrainingServer(uvicorn.Server):
    """On SIGTERM no longer ready at once, closed to newcomers after `drain` seconds, gone when the last answer is sent.

    A second SIGTERM closes the door at once; SIGINT does so at the first time, and gives up on answers at the second.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        patient = type("PatientConnection", (HttpProtocol,), {"receive_seconds": settings.receive_seconds})
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=patient,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=round(settings.deadline_s) + LAST_ANSWERS,
            )
        )
        self.app, self.drain = app, settings.drain_seconds
        self._closing = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called on SIGTERM and SIGINT, between two bytecodes."""
        del frame
        first, self.app.state.draining = not self.app.state.draining, True
        if sig == signal.SIGTERM and first and self.drain:
            self._closing = time.monotonic() + self.drain
        elif self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; True stops the server."""
        self.should_exit = self.should_exit or time.monotonic() >= self._closing
        return await super().on_tick(counter)
