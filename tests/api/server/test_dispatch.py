"""Several images in one request: in order, at the same time, each with its own fate; and clients who leave."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.runtime.admission import Admission, StageTimer
from tests.api.conftest import talking_to
from tests.api.fakes import NOT_A_NUMBER, REFUSED, WAITS, FakeAnswers
from tests.api.raw import SILENCE, chunk, post


def several(*images: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("image", ("x", image)) for image in images]


def digests(response: httpx.Response) -> list[str]:
    return [result["image"]["sha256"] for result in response.json()["results"]]


async def test_several_answers_come_in_the_order_sent(client: httpx.AsyncClient) -> None:
    images = [b"c", b"a", b"b", b"a"]
    response = await client.post("/predict", files=several(*images))
    assert digests(response) == [hashlib.sha256(image).hexdigest() for image in images]


@pytest.mark.parametrize("path", ["/predict", "/explain/gradcam", "/embed", "/analyze?methods=cam,gradcam&embed=1"])
async def test_each_of_several_is_what_it_would_be_alone(client: httpx.AsyncClient, path: str) -> None:
    def said(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in answer.items() if name not in {"request_id", "instance"}}

    images = [b"a", b"damaged", REFUSED, b"b"]
    together = await client.post(path, files=several(*images))
    alone = [(await client.post(path, content=image)).json() for image in images]
    assert together.status_code == 200
    assert [said(result) for result in together.json()["results"]] == [said(answer) for answer in alone]
    assert [result["status"] for result in together.json()["results"]] == ["ok", 422, "refused", "ok"]
    assert {result["request_id"] for result in together.json()["results"]} == {together.headers["x-request-id"]}


async def test_all_images_are_asked_about_at_once(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    pending = asyncio.create_task(client.post("/predict", files=several(WAITS, WAITS, b"x", WAITS)))
    await fake.arrival_of(4)
    assert not pending.done()
    fake.gate.set()
    assert len((await pending).json()["results"]) == 4


async def test_a_list_in_json_is_several(client: httpx.AsyncClient) -> None:
    response = await client.post("/predict", json={"image": ["YQ==", "Yg=="]})
    assert digests(response) == [hashlib.sha256(image).hexdigest() for image in (b"a", b"b")]


async def test_even_all_bad_images_are_told_one_by_one(client: httpx.AsyncClient) -> None:
    response = await client.post("/predict", files=several(b"damaged", b"no picture", b"too many pixels"))
    assert response.status_code == 200
    assert [result["status"] for result in response.json()["results"]] == [422, 415, 413]


@pytest.mark.parametrize(("path", "status"), [("/predict?model=nobody", 404), ("/predict?model=absent", 503)])
async def test_what_concerns_the_question_is_said_once(client: httpx.AsyncClient, path: str, status: int) -> None:
    response = await client.post(path, files=several(b"a", b"b"))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_service_too_busy_for_all_says_so_with_its_status(client: httpx.AsyncClient) -> None:
    assert (await client.post("/predict", files=several(b"full", b"late"))).status_code == 429
    mixed = await client.post("/predict", files=several(b"full", b"x"))
    assert [result["status"] for result in mixed.json()["results"]] == [429, "ok"]


async def test_a_number_that_is_none_is_never_sent(client: httpx.AsyncClient) -> None:
    alone = await client.post("/embed", content=NOT_A_NUMBER)
    assert (alone.status_code, alone.json()["type"]) == (503, "/problems/model-fault")
    assert "embedding.1" in alone.json()["detail"]
    among = await client.post("/embed", files=several(b"x", NOT_A_NUMBER))
    assert [result["status"] for result in among.json()["results"]] == ["ok", 503]
    assert "NaN" not in among.text + alone.text


async def test_a_client_who_leaves_stops_the_work(app: FastAPI, fake: FakeAnswers) -> None:
    status, _, _ = await post(app, [chunk(WAITS, more=False), 0.05, {"type": "http.disconnect"}])
    await asyncio.sleep(0)
    assert len(fake.asked) == fake.cancelled == 1
    assert status == 0


async def test_a_client_who_leaves_while_sending_is_no_fault(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "fovea.access")
    status, _, _ = await post(app, [chunk(b"half"), {"type": "http.disconnect"}])
    assert status == 0
    assert "status=499" in caplog.text


async def test_an_overloaded_service_refuses_before_it_reads_a_body(app: FastAPI) -> None:
    answers = app.state.answers
    answers.admission = Admission(max_wait=2.0, deadline=30.0, stages=[StageTimer(first_seconds=1.0)])
    with answers.admission.accept(8):
        for path in ("/predict", "/explain/gradcam", "/embed", "/analyze", "/collections/x/neighbors"):
            status, headers, body = await post(app, [SILENCE], path=path)
            assert (status, headers["retry-after"]) == (429, "6"), path
            assert b"8 images are waiting, which takes about 8.0 s" in body
        async with talking_to(app) as client:
            assert (await client.get("/models")).status_code == 200
    assert (await post(app, [chunk(b"x", more=False)]))[0] == 200


async def test_the_images_of_a_request_count_until_it_is_answered(app: FastAPI, fake: FakeAnswers) -> None:
    fake.admission = Admission(max_wait=2.0, deadline=30.0, stages=[StageTimer(first_seconds=1.0)])
    async with talking_to(app) as client:
        waiting = asyncio.create_task(client.post("/predict", files=several(WAITS, WAITS, WAITS)))
        await fake.arrival_of(3)
        assert (await client.post("/predict", content=b"x")).status_code == 429
        fake.gate.set()
        assert (await waiting).status_code == 200
        assert fake.admission.expected_wait == 0
        assert (await client.post("/predict", content=b"x")).status_code == 200
