"""Work that a request waits for and that is done one piece after the other, however many ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.errors import Overloaded

MOST_WAITING = 4
"""Requests that may wait for the one that is being served."""


class TurnLimiter:
    """Where one is served at a time."""

    def __init__(self) -> None:
        self._busy, self._asked = asyncio.Lock(), 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is one's turn. Raises Overloaded where too many wait already."""
        if self._asked > MOST_WAITING:
            raise Overloaded(f"reports are made one after the other, and {MOST_WAITING} wait already", retry_after=5)
        self._asked += 1
        try:
            async with self._busy:
                yield
        finally:
            self._asked -= 1
