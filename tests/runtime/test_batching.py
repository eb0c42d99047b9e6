"""Laws of the batcher, with plain integers: it knows nothing of images."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from service.errors import DeadlineExceeded, Overloaded
from service.runtime.batching import Batcher

SOON = 60.0


@asynccontextmanager
async def serving(
    call: Callable[[str, list[int]], list[int]], **options: float
) -> AsyncIterator[Batcher[str, int, int]]:
    with ThreadPoolExecutor(1) as executor:
        batcher: Batcher[str, int, int] = Batcher(call, executor, **options)  # type: ignore[arg-type]
        batcher.start()
        yield batcher
        await batcher.close()


class Gate:
    """A call that waits until it is let through, and remembers what it was called with."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.batches: list[tuple[str, list[int]]] = []

    def __call__(self, key: str, items: list[int]) -> list[int]:
        self.batches.append((key, items))
        assert self.open.wait(10)
        return [item * 10 for item in items]


def now() -> float:
    return time.monotonic()


async def test_everyone_gets_the_answer_to_their_own_item() -> None:
    async with serving(lambda key, items: [len(key) * item for item in items], size=4) as batcher:
        asked = [("ab"[i % 2] * (1 + i % 3), i) for i in range(200)]
        answers = await asyncio.gather(*(batcher.submit(key, item, now() + SOON) for key, item in asked))
    assert answers == [len(key) * item for key, item in asked]


async def test_what_arrives_during_a_call_travels_together_up_to_the_size() -> None:
    gate = Gate()
    async with serving(gate, size=4) as batcher:
        tasks = [asyncio.create_task(batcher.submit("a", 0, now() + SOON))]
        await _until(lambda: gate.batches)
        tasks += [asyncio.create_task(batcher.submit("a", item, now() + SOON)) for item in range(1, 7)]
        await _until(lambda: batcher.waiting == 6)
        gate.open.set()
        assert await asyncio.gather(*tasks) == [0, 10, 20, 30, 40, 50, 60]
    assert gate.batches == [("a", [0]), ("a", [1, 2, 3, 4]), ("a", [5, 6])]


async def test_keys_never_mix_and_the_oldest_is_served_first() -> None:
    gate = Gate()
    async with serving(gate, size=8) as batcher:
        tasks = [asyncio.create_task(batcher.submit("first", 0, now() + SOON))]
        await _until(lambda: gate.batches)
        for item, key in enumerate(("b", "a", "b", "a"), start=1):
            tasks.append(asyncio.create_task(batcher.submit(key, item, now() + SOON)))
            await _until(lambda item=item: batcher.waiting == item)
        gate.open.set()
        await asyncio.gather(*tasks)
    assert gate.batches == [("first", [0]), ("b", [1, 3]), ("a", [2, 4])]


@pytest.mark.heavy
async def test_the_window_lets_company_arrive() -> None:
    gate = Gate()
    gate.open.set()
    async with serving(gate, size=2, wait=5.0) as batcher:
        first = asyncio.create_task(batcher.submit("a", 1, now() + SOON))
        await asyncio.sleep(0.02)
        assert not gate.batches
        await batcher.submit("a", 2, now() + SOON)
        await first
    assert gate.batches == [("a", [1, 2])]


async def test_only_the_culprit_of_a_failing_batch_fails() -> None:
    gate = Gate()

    def call(key: str, items: list[int]) -> list[int]:
        gate(key, items)
        if 13 in items:
            raise ValueError("thirteen")
        return items

    async with serving(call, size=8) as batcher:
        head = asyncio.create_task(batcher.submit("a", 0, now() + SOON))
        await _until(lambda: gate.batches)
        tasks = [asyncio.create_task(batcher.submit("a", item, now() + SOON)) for item in range(10, 18)]
        await _until(lambda: batcher.waiting == 8)
        gate.open.set()
        answers = await asyncio.gather(head, *tasks, return_exceptions=True)
        assert [answer for answer in answers if isinstance(answer, int)] == [0, 10, 11, 12, 14, 15, 16, 17]
        assert isinstance(answers[4], ValueError)
        assert await batcher.submit("a", 1, now() + SOON) == 1


async def test_a_full_queue_refuses_and_keeps_what_it_accepted() -> None:
    gate = Gate()
    async with serving(gate, size=1, queue_size=2) as batcher:
        tasks = [asyncio.create_task(batcher.submit("a", 0, now() + SOON))]
        await _until(lambda: gate.batches)
        tasks += [asyncio.create_task(batcher.submit("a", item, now() + SOON)) for item in (1, 2)]
        await _until(lambda: batcher.waiting == 2)
        with pytest.raises(Overloaded, match="2 images are waiting"):
            await batcher.submit("a", 3, now() + SOON)
        gate.open.set()
        assert await asyncio.gather(*tasks) == [0, 10, 20]


async def test_cancelled_and_late_items_are_never_computed() -> None:
    gate = Gate()
    async with serving(gate, size=8) as batcher:
        first = asyncio.create_task(batcher.submit("a", 0, now() + SOON))
        await _until(lambda: gate.batches)
        gone = asyncio.create_task(batcher.submit("a", 1, now() + SOON))
        late = asyncio.create_task(batcher.submit("a", 2, now() + 0.05))
        kept = asyncio.create_task(batcher.submit("a", 3, now() + SOON))
        await _until(lambda: batcher.waiting == 3)
        gone.cancel()
        with pytest.raises(DeadlineExceeded):
            await late
        gate.open.set()
        assert await asyncio.gather(first, kept) == [0, 30]
    assert gate.batches == [("a", [0]), ("a", [3])]


async def test_closing_answers_those_who_wait() -> None:
    gate = Gate()
    async with serving(gate, size=1) as batcher:
        first = asyncio.create_task(batcher.submit("a", 0, now() + SOON))
        await _until(lambda: gate.batches)
        second = asyncio.create_task(batcher.submit("a", 1, now() + SOON))
        await _until(lambda: batcher.waiting == 1)
        assert batcher.alive
        gate.open.set()
        await batcher.close()
        assert not batcher.alive
        answers = await asyncio.gather(first, second, return_exceptions=True)
        assert all(answer in (0, 10) or isinstance(answer, Overloaded) for answer in answers)
        with pytest.raises(Overloaded):
            await batcher.submit("a", 2, now() + SOON)


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  the condition is plain state
            await asyncio.sleep(0.001)
