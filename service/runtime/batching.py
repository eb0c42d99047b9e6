"""Many awaits in, one call out. Knows nothing of images or networks.

One worker runs one call at a time, and a batch is collected only once it may run: everything that arrived while the
last call ran travels together. Waiting for company first would add latency and still give smaller batches.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.errors import DeadlineExceeded, Overloaded

Key = TypeVar("Key", bound=Hashable)
In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class Waiting(Generic[In, Out]):
    """One item in a queue. arrived: seconds on the monotonic clock."""

    item: In
    answer: asyncio.Future[Out]
    arrived: float


class Batcher(Generic[Key, In, Out]):
    """Collects single items of one key into calls of `call(key, items)`, which gives one result an item, in order.

    call: runs in `executor`, never on the event loop. size: items in a call at most. wait: seconds a call waits for
    company after its first item arrived. queue_size: items waiting at most, over all keys. The key whose first item
    has waited longest is served next.
    """

    def __init__(
        self,
        call: Callable[[Key, list[In]], list[Out]],
        executor: Executor,
        size: int = 8,
        wait: float = 0.0,
        queue_size: int = 256,
    ) -> None:
        self._call, self._executor = call, executor
        self._size, self._wait, self._queue_size = size, wait, queue_size
        self._queues: dict[Key, deque[Waiting[In, Out]]] = {}
        self._arrival = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to serve; must be called on the event loop."""
        self._worker = asyncio.create_task(self._serve(), name="batcher")

    async def close(self) -> None:
        """Stop serving; items waiting or being computed are answered with Overloaded."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        for queue in self._queues.values():
            _stop(queue)
        self._queues.clear()

    @property
    def alive(self) -> bool:
        """Whether somebody serves the queues."""
        return self._worker is not None and not self._worker.done()

    @property
    def waiting(self) -> int:
        """Items in the queues now."""
        return sum(map(len, self._queues.values()))

    async def submit(self, key: Key, item: In, deadline: float) -> Out:
        """The result for one item, computed together with others of its key.

        deadline: seconds on the monotonic clock. Raises Overloaded where the queue is full or nobody serves it,
        DeadlineExceeded where the result would come too late, and whatever `call` raises for this item alone.
        """
        if self.waiting >= self._queue_size or not self.alive:
            raise Overloaded(f"{self.waiting} images are waiting already; ask again in a second")
        answer: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, deque()).append(Waiting(item, answer, time.monotonic()))
        self._arrival.set()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await answer
        except TimeoutError:
            raise DeadlineExceeded("the answer was not ready in time; ask again, or with fewer images") from None

    async def _serve(self) -> None:
        while True:
            await self._arrival.wait()
            key = min(self._queues, key=lambda key: self._queues[key][0].arrived)
            company = self._queues[key][0].arrived + self._wait - time.monotonic()
            if company > 0 and len(self._queues[key]) < self._size:
                await asyncio.sleep(company)
            batch = self._collect(key)
            if batch:
                await self._run(key, batch)

    def _collect(self, key: Key) -> list[Waiting[In, Out]]:
        """Up to `size` items of a key; those whose asker has gone are dropped."""
        queue, batch = self._queues[key], list[Waiting[In, Out]]()
        while queue and len(batch) < self._size:
            waiting = queue.popleft()
            if not waiting.answer.done():
                batch.append(waiting)
        if not queue:
            del self._queues[key]
        if not self._queues:
            self._arrival.clear()
        return batch

    async def _run(self, key: Key, batch: list[Waiting[In, Out]]) -> None:
        """Call for the whole batch; where that fails, for each half, so that only the culprit fails."""
        items = [waiting.item for waiting in batch]
        try:
            results = await asyncio.get_running_loop().run_in_executor(self._executor, self._call, key, items)
        except asyncio.CancelledError:
            _stop(batch)
            raise
        except Exception as error:  # noqa: BLE001  handed to whoever asked, once the culprit stands alone
            if len(batch) == 1:
                _settle(batch[0], error)
                return
            middle = len(batch) // 2
            await self._run(key, batch[:middle])
            await self._run(key, batch[middle:])
            return
        for waiting, result in zip(batch, results, strict=True):
            _settle(waiting, result)


def _stop(batch: Iterable[Waiting[In, Out]]) -> None:
    for waiting in batch:
        _settle(waiting, Overloaded("the service is stopping; ask again", retry_after=5))


def _settle(waiting: Waiting[In, Out], result: Out | Exception) -> None:
    if waiting.answer.done():
        return
    if isinstance(result, Exception):
        waiting.answer.set_exception(result)
    else:
        waiting.answer.set_result(result)
