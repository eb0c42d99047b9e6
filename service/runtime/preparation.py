"""Encoded images to framed ones: decoded in worker processes, cached by content, and limited in number."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service.errors import DeadlineExceeded, Overloaded
from service.images.frame import Frame, Geometry
from service.images.workers import DecodePool, Prepared
from service.runtime.cache import Cache

Decoded = TypeVar("Decoded")

LARGE = 2**18
"""Bytes that take about 0.2 ms to hash."""


class Preparation:
    """Frames images for models. `queue_size` images may wait for a decoder, for each of them holds its bytes."""

    def __init__(self, decoders: DecodePool, cache_bytes: int, queue_size: int) -> None:
        self._decoders, self._queue_size = decoders, queue_size
        self._cache: Cache[tuple[str, str], Prepared] = Cache(cache_bytes)
        self._decoding = 0

    async def prepare(self, data: bytes, frame: Frame, deadline: float, preview: int = 0) -> Prepared:
        """The image decoded and framed, or from the cache. deadline: seconds on the monotonic clock.

        preview: longer side in pixels of a picture of the original; with one, the image is always decoded. Raises
        Overloaded, DeadlineExceeded, and what `DecodePool.prepare` raises.
        """
        if preview or not self._cache.max_bytes:
            return await self._decode(lambda: self._decoders.prepare(data, frame, preview), deadline)
        key = (await _digest(data), frame.digest)
        prepared = self._cache.get(key)
        if prepared is None:
            prepared = await self._decode(lambda: self._decoders.prepare(data, frame), deadline)
            self._cache.put(key, prepared, prepared.x.nbytes)
        return prepared

    async def cover(self, mask: bytes, geometry: Geometry, deadline: float) -> NDArray[np.float32]:
        """The share of every framed pixel that a mask's file covers, [s, s]; see `DecodePool.cover`."""
        return await self._decode(lambda: self._decoders.cover(mask, geometry), deadline)

    async def _decode(self, call: Callable[[], Awaitable[Decoded]], deadline: float) -> Decoded:
        if self._decoding >= self._queue_size:
            raise Overloaded(f"{self._decoding} images are waiting already; ask again in a second")
        self._decoding += 1
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await call()
        except TimeoutError:
            raise DeadlineExceeded("the image was not decoded in time; ask again, or with fewer images") from None
        finally:
            self._decoding -= 1


async def _digest(data: bytes) -> str:
    """SHA-256 in hex; on another thread where hashing takes longer than the switch."""
    hashed = hashlib.sha256(data) if len(data) < LARGE else await asyncio.to_thread(hashlib.sha256, data)
    return hashed.hexdigest()
