"""A limiter serves one at a time, in the order they came, and lets only so many wait."""

from __future__ import annotations

import asyncio

import pytest

from service.errors import Overloaded
from service.jobs.turns import MAX_WAITING, TurnLimiter


async def test_one_is_served_at_a_time_and_in_order() -> None:
    limiter, inside, served = TurnLimiter(), 0, list[int]()

    async def visit(number: int) -> None:
        nonlocal inside
        async with limiter.turn():
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.001)
            served.append(number)
            inside -= 1

    await asyncio.gather(*(visit(number) for number in range(MAX_WAITING + 1)))
    assert served == list(range(MAX_WAITING + 1))


async def test_more_than_may_wait_are_sent_away_and_places_are_free_again() -> None:
    """Also where those who waited gave up or failed."""
    limiter, leave = TurnLimiter(), asyncio.Event()

    async def visit(fail: bool = False) -> None:
        async with limiter.turn():
            await leave.wait()
            if fail:
                raise ValueError

    visits = [asyncio.create_task(visit(fail=number == 1)) for number in range(MAX_WAITING + 1)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="one at a time") as refused:
        await visit()
    assert refused.value.retry_after > 0
    visits[-1].cancel()
    leave.set()
    ended = await asyncio.gather(*visits, return_exceptions=True)
    assert [type(one) for one in ended if one] == [ValueError, asyncio.CancelledError]
    await asyncio.gather(*(visit() for _ in range(MAX_WAITING + 1)))
