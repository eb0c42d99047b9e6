"""Many awaits in, one call out. It is independent of images and networks.

One worker runs one call at a time, and collects a batch when the call may start: a batch is everything that arrived
during the last call. Waiting for a full batch would add latency and still give smaller batches.
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
from service.runtime.admission import StageTimer

Key = TypeVar("Key", bound=Hashable)
In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class PendingItem(Generic[In, Out]):
    """One item in a queue. arrived: seconds on the monotonic clock."""

    item: In
    answer: asyncio.Future[Out]
    arrived: float


class Batcher(Generic[Key, In, Out]):
    """Collects single items of one key into calls of `call(key, items)`, which gives one result an item, in order.

    call: runs in `executor`, never on the event loop. size: maximum number of items in a call. wait: seconds that a
    call waits for further items after its first one arrived. queue_size: maximum number of waiting items, over all
    keys. timer: measures the calls. The key whose first item has waited longest is served next.
    """

    def __init__(
        self,
        call: Callable[[Key, list[In]], list[Out]],
        executor: Executor,
        size: int = 8,
        wait: float = 0.0,
        queue_size: int = 256,
        timer: StageTimer | None = None,
    ) -> None:
        self._call, self._executor = call, executor
        self._size, self._wait, self._queue_size = size, wait, queue_size
        self._timer = timer or StageTimer()
        self._queues: dict[Key, deque[PendingItem[In, Out]]] = {}
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
        """Whether the queues are served."""
        return self._worker is not None and not self._worker.done()

    @property
    def waiting(self) -> int:
        """Items in the queues now."""
        return sum(map(len, self._queues.values()))

    async def submit(self, key: Key, item: In, deadline: float) -> Out:
        """The result for one item, computed together with others of its key.

        deadline: seconds on the monotonic clock. Raises Overloaded if the queue is full or not served,
        DeadlineExceeded if the result would come too late, and what `call` raises for this item alone.
        """
        if self.waiting >= self._queue_size or not self.alive:
            raise Overloaded(f"{self.waiting} images are waiting already; ask again in a second")
        answer: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, deque()).append(PendingItem(item, answer, time.monotonic()))
        self._arrival.set()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await answer
        except TimeoutError:
            raise DeadlineExceeded("the answer was not ready in time; ask again, or with fewer images") from None

    async def _serve(self) -> None:
        while True:
            await self._arrival.wait()
            await self._serve_one_batch()  # a function, so that nothing of the batch is referenced while waiting

    async def _serve_one_batch(self) -> None:
        key = min(self._queues, key=lambda key: self._queues[key][0].arrived)
        remaining_wait = self._queues[key][0].arrived + self._wait - time.monotonic()
        if remaining_wait > 0 and len(self._queues[key]) < self._size:
            await asyncio.sleep(remaining_wait)
        batch = self._collect(key)
        if batch:
            await self._run(key, batch)

    def _collect(self, key: Key) -> list[PendingItem[In, Out]]:
        """Up to `size` items of a key; items whose caller has left are dropped."""
        queue, batch = self._queues[key], list[PendingItem[In, Out]]()
        while queue and len(batch) < self._size:
            pending = queue.popleft()
            if not pending.answer.done():
                batch.append(pending)
        if not queue:
            del self._queues[key]
        if not self._queues:
            self._arrival.clear()
        return batch

    async def _run(self, key: Key, batch: list[PendingItem[In, Out]]) -> None:
        """Call for the whole batch; if that fails, for each half, so that only the item at fault fails."""
        items = [pending.item for pending in batch]
        try:
            with self._timer.measure(len(items)):
                results = await asyncio.get_running_loop().run_in_executor(self._executor, self._call, key, items)
        except asyncio.CancelledError:
            _stop(batch)
            raise
        except Exception as error:  # noqa: BLE001  raised in the caller whose item is at fault
            if len(batch) == 1:
                _resolve(batch[0], error)
                return
            middle = len(batch) // 2
            await self._run(key, batch[:middle])
            await self._run(key, batch[middle:])
            return
        for pending, result in zip(batch, results, strict=True):
            _resolve(pending, result)


def _stop(batch: Iterable[PendingItem[In, Out]]) -> None:
    for pending in batch:
        _resolve(pending, Overloaded("the service is stopping; ask again", retry_after=5))


def _resolve(pending: PendingItem[In, Out], result: Out | Exception) -> None:
    if pending.answer.done():
        return
    if isinstance(result, Exception):
        pending.answer.set_exception(result)
    else:
        pending.answer.set_result(result)
