"""Bodies that are too large, too slow or too many at one time, as raw ASGI sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message

from service.api.app import create_app
from service.api.server.request_limits import MIB, max_body_bytes
from service.settings import Settings
from tests.api.conftest import talking_to
from tests.api.fakes import WAITS, FakeAnswers
from tests.api.raw import SILENCE, chunk, post
from tests.models import tiny


@pytest.fixture
def hasty(settings: Settings) -> FastAPI:
    impatient = settings.model_copy(update={"receive_seconds": 0.2})
    return create_app(impatient, FakeAnswers(impatient))


@pytest.mark.parametrize("messages", [[SILENCE], [chunk(b"x"), SILENCE], [chunk(b""), chunk(b"y"), SILENCE]])
async def test_a_body_that_stops_coming_is_answered(hasty: FastAPI, messages: list[Any]) -> None:
    status, headers, body = await post(hasty, messages)
    assert status == 408
    assert b"the body was not complete" in body
    assert headers["connection"] == "close"


async def test_a_body_that_dribbles_is_given_up(hasty: FastAPI) -> None:
    dribble = [part for _ in range(1000) for part in (0.01, chunk(b"x"))]
    assert (await post(hasty, dribble))[0] == 408


async def test_a_body_that_comes_fast_enough_gains_time(hasty: FastAPI) -> None:
    """Each of these pieces buys the time to send the next, and together they take four times the patience."""
    fast = [part for _ in range(8) for part in (chunk(b" " * 2**16), 0.1)]
    whole = [*fast, chunk(b'{"image": "YQ=="}', more=False)]
    assert (await post(hasty, whole, {"Content-Type": "application/json"}))[0] == 200
    slow = [part for _ in range(8) for part in (chunk(b" "), 0.05)]
    whole = [*slow, chunk(b'{"image": "YQ=="}', more=False)]
    assert (await post(hasty, whole, {"Content-Type": "application/json"}))[0] == 408


async def test_an_announced_giant_is_refused_before_it_comes(app: FastAPI, settings: Settings) -> None:
    for content_type, length in product(("image/png", "application/json; charset=utf-8"), (1, 10**30)):
        announced = str(max_body_bytes(settings, content_type) + length)
        status, _, body = await post(app, [SILENCE], {"Content-Type": content_type, "Content-Length": announced})
        assert status == 413
        assert b"at most" in body


@pytest.mark.parametrize("length", ["many", "-1", "1_0", "²", "9" * 5000])
async def test_a_strange_announcement_is_no_crash(app: FastAPI, length: str) -> None:
    status, _, _ = await post(app, [chunk(b"x", more=False)], {"Content-Length": length})
    assert status in {200, 413}


async def test_an_unannounced_giant_is_stopped_as_it_comes(settings: Settings) -> None:
    """JSON whose whitespace never ends."""
    settings = settings.model_copy(update={"max_json_bytes": 2 * MIB})
    app, taken = create_app(settings, FakeAnswers(settings)), 0

    def endless() -> Iterator[Message]:
        nonlocal taken
        while True:
            taken += MIB // 4
            yield chunk(b" " * (MIB // 4))

    status, _, body = await post(app, endless(), {"Content-Type": "application/json"})
    assert status == 413
    assert b"a request body may have at most" in body
    assert taken <= 2 * MIB + MIB // 4


async def test_all_bodies_together_are_bounded_and_let_go_again(zoo: Any) -> None:
    settings = tiny.settings(zoo, receive_memory_mb=1, max_image_bytes=MIB, threads=1)
    fake = FakeAnswers(settings)
    async with talking_to(create_app(settings, fake)) as client:
        waiting = asyncio.create_task(client.post("/predict", content=WAITS))
        await fake.arrival_of(1)
        full = await client.post("/predict", content=bytes(MIB - 3))
        assert (full.status_code, full.headers["retry-after"]) == (429, "1")
        assert (await client.post("/predict", content=bytes(MIB // 2))).status_code == 200
        fake.gate.set()
        assert (await waiting).status_code == 200
        for _ in range(5):
            assert (await client.post("/predict", content=bytes(MIB))).status_code == 200
