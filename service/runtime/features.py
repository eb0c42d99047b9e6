"""Feature maps by content: they are computed once for an image, a model and a layer, and cached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from service.models.classifier import Classifier
from service.runtime.admission import StageTimer
from service.runtime.batching import Batcher
from service.runtime.cache import Cache


class Key(NamedTuple):
    """What feature maps depend on: the image, how it is prepared and normalised, and the network with its weights."""

    image: str
    frame: str
    normalisation: tuple[float, ...]
    model: str
    network: str
    weights: str
    layer: str


@dataclass
class SharedComputation:
    """One computation that several requests wait for; it is cancelled when the last of them leaves."""

    task: asyncio.Task[Tensor]
    waiters: int = 0


class Features:
    """The expensive half of every answer: one batcher, one forward at a time, one cache.

    Two requests for the same maps at the same time share one forward, unless the cache is off.
    """

    def __init__(self, cache_bytes: int, threads: int, batch_size: int, batch_wait: float, queue_size: int) -> None:
        self.timer = StageTimer()
        self.cache: Cache[Key, Tensor] = Cache(cache_bytes)
        self._executor = ThreadPoolExecutor(1, "forward", initializer=torch.set_num_threads, initargs=(threads,))
        self.batcher = Batcher(_forward, self._executor, batch_size, batch_wait, queue_size, self.timer)
        self._running: dict[Key, SharedComputation] = {}

    def start(self) -> None:
        """Begin to serve; must be called on the event loop."""
        self.batcher.start()

    async def close(self) -> None:
        """Stop the batcher and the forward thread."""
        await self.batcher.close()
        self._executor.shutdown(cancel_futures=True)

    async def get(
        self, classifier: Classifier, layer: str, image: str, x: NDArray[np.uint8], deadline: float
    ) -> Tensor:
        """A [1, C, h, w] float32 of one image, from the cache or computed.

        image: digest of the image. x: uint8 [H, W, 3]. deadline: seconds on the monotonic clock. Raises what
        `Batcher.submit` raises.
        """

        def compute() -> Awaitable[Tensor]:
            return self.batcher.submit((classifier, layer), x, deadline)

        if not self.cache.max_bytes:
            return await compute()
        entry = classifier.entry
        frame, network = entry.frame, f"{entry.architecture} {entry.arguments} {entry.stages} {entry.layout}"
        normal = frame.normalisation
        normalisation = (*normal.mean, *normal.std, *normal.channels)
        key = Key(image, frame.digest, normalisation, entry.name, network, classifier.weights_sha256, layer)
        A = self.cache.get(key)
        return A if A is not None else await self._share(key, compute)

    def run_between_batches(self, call: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """A call of an engine on the forward thread, for methods that run the network again.

        Never call it on the event loop: it blocks until its turn among the batches, first come, first served. A slow
        method therefore delays a prediction by one such call at most, and is delayed by one batch.
        """
        return self._executor.submit(call, x).result()

    async def _share(self, key: Key, compute: Callable[[], Awaitable[Tensor]]) -> Tensor:
        shared = self._running.get(key)
        if shared is None:
            shared = self._running[key] = SharedComputation(asyncio.create_task(self._compute(key, compute)))
        shared.waiters += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiters -= 1
            if not shared.waiters:
                shared.task.cancel()

    async def _compute(self, key: Key, compute: Callable[[], Awaitable[Tensor]]) -> Tensor:
        try:
            A = await compute()
            self.cache.put(key, A, A.nbytes)
            return A
        finally:
            del self._running[key]


def _forward(key: tuple[Classifier, str], images: list[NDArray[np.uint8]]) -> list[Tensor]:
    """Feature maps of a batch, [1, C, h, w] per image. Each owns its memory: a cached one does not keep the batch."""
    classifier, layer = key
    maps = classifier.engine.features(torch.from_numpy(np.stack(images)), layer)
    return [maps[i : i + 1].clone() for i in range(len(images))] if len(images) > 1 else [maps]
