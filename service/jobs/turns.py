"""Work that requests wait for and that runs one at a time, with a bound on how many may wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.errors import Overloaded

MAX_WAITING = 4
"""Requests that may wait for the one that is running."""


class TurnLimiter:
    """One holder at a time, in the order of arrival. what: the work, in words, for the error message."""

    def __init__(self, what: str = "requests of this kind") -> None:
        self._running, self._entered, self._what = asyncio.Lock(), 0, what

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Raises Overloaded where too many are waiting already."""
        if self._entered > MAX_WAITING:
            raise Overloaded(f"{self._what} run one at a time, and {MAX_WAITING} are waiting already", retry_after=5)
        self._entered += 1
        try:
            async with self._running:
                yield
        finally:
            self._entered -= 1
