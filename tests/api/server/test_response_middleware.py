"""What every answer carries, and what no log line may."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid

import httpx
import pytest
from anyio import to_thread
from fastapi import FastAPI

from service.api.app import create_app
from tests.api.conftest import talking_to
from tests.api.fakes import WAITS, FakeAnswers

EVERYWHERE = [
    "/",
    "/docs",
    "/docs/own/docs.js",
    "/openapi.json",
    "/livez",
    "/readyz",
    "/metrics",
    "/models",
    "/nowhere",
]
CACHEABLE = {"/", "/docs", "/docs/own/docs.js", "/openapi.json", "/models"}
CANARY = "JaneCanary1950"


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("no-cache" if path in CACHEABLE else "no-store")
    assert headers["referrer-policy"] == "no-referrer"
    assert not [name for name in headers if name.startswith("access-control")]
    assert uuid.UUID(headers["x-request-id"])


async def test_errors_have_them_too(client: httpx.AsyncClient) -> None:
    for data in (b"crash", b"damaged", b""):
        headers = (await client.post("/predict", content=data)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_only_a_uuid_is_taken_for_a_request_id(client: httpx.AsyncClient) -> None:
    own = str(uuid.uuid4())
    assert (await client.get("/livez", headers={"X-Request-ID": own})).headers["x-request-id"] == own
    for foreign in (CANARY, "", "1", own + "\tx"):
        given = (await client.get("/livez", headers={"X-Request-ID": foreign})).headers["x-request-id"]
        assert given != foreign
        assert uuid.UUID(given)


async def test_one_line_a_request(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fovea.access")
    response = await client.post("/explain/gradcam?target=ill", content=b"x")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "fovea.access"]
    request_id = response.headers["x-request-id"]
    assert re.fullmatch(rf"method=POST route=/explain/\{{method\}} status=200 ms=\d+\.\d request_id={request_id}", line)


async def test_nothing_a_request_says_gets_into_logs_or_metrics(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    requests = [
        {"url": f"/predict?model={CANARY}", "content": b"x"},
        {"url": f"/explain/gradcam?target={CANARY}", "content": b"x"},
        {"url": f"/explain/{CANARY}", "content": b"x"},
        {"url": f"/predict?{CANARY}=1", "content": b"x"},
        {"url": f"/{CANARY}", "content": b"x"},
        {"url": "/predict", "files": {"image": (f"{CANARY}.jpg", b"x")}},
        {"url": "/predict", "files": {CANARY: (f"{CANARY}.jpg", b"x")}},
        {"url": "/predict", "json": {"image": CANARY}},
        {"url": "/predict", "json": {CANARY: "x"}},
        {
            "url": "/predict",
            "content": b"--" + CANARY.encode(),
            "headers": {"Content-Type": "multipart/form-data; boundary=b"},
        },
        {"url": "/predict", "content": b"{", "headers": {"Content-Type": f"application/json; {CANARY}"}},
        {"url": "/predict", "content": b"crash", "headers": {"X-Patient": CANARY, "X-Request-ID": CANARY}},
        {
            "url": "/predict",
            "content": b"x",
            "headers": {"User-Agent": CANARY, "Authorization": CANARY, "Host": CANARY},
        },
    ]
    for request in requests:
        await client.post(**request)
    lines = [
        record.getMessage() + str(record.exc_info) + str(record.exc_text)
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore", "asyncio"))  # the test's own client
    ]
    assert len(lines) >= len(requests)
    assert not [line for line in lines if CANARY in line]
    assert CANARY not in (await client.get("/metrics")).text


async def test_requests_are_counted_by_template_and_never_by_path(client: httpx.AsyncClient) -> None:
    for path in ("/explain/gradcam", "/explain/layercam", "/explain/unheard-of", "/wp-login.php", "/models/x"):
        await client.post(path, content=b"x")
    await client.request("BREW", "/predict")
    text = (await client.get("/metrics")).text
    assert 'fovea_requests_total{method="POST",route="/explain/{method}",status="200"} 2.0' in text
    assert 'fovea_requests_total{method="POST",route="/explain/{method}",status="404"} 1.0' in text
    assert 'fovea_requests_total{method="POST",route="unmatched",status="404"} 1.0' in text
    assert 'method="OTHER"' in text
    assert "wp-login" not in text
    assert "BREW" not in text


async def test_metrics_tell_of_answers_steps_and_models(client: httpx.AsyncClient) -> None:
    await client.post("/predict", content=b"x")
    await client.post("/explain/gradcam", content=b"not like a retina")
    text = (await client.get("/metrics")).text
    assert 'fovea_answers_total{model="tiny",status="ok"} 1.0' in text
    assert 'fovea_answers_total{model="tiny",status="refused"} 1.0' in text
    assert 'fovea_step_seconds_sum{step="forward"} 0.005' in text
    assert 'fovea_model_state{model="tiny",state="ready"} 1.0' in text
    assert 'fovea_model_state{model="absent",state="missing"} 1.0' in text
    assert 'fovea_model_state{model="broken",state="failed"} 1.0' in text
    assert "fovea_requests_in_flight 1.0" in text
    assert "process_resident_memory_bytes" in text


async def test_each_app_counts_for_itself(app: FastAPI, fake: FakeAnswers) -> None:
    async with talking_to(app) as one, talking_to(create_app(fake.settings, fake)) as other:
        await one.post("/predict", content=b"x")
        assert 'route="/predict"' in (await one.get("/metrics")).text
        assert 'route="/predict"' not in (await other.get("/metrics")).text


async def test_the_life_of_the_answers_is_that_of_the_app(app: FastAPI, fake: FakeAnswers) -> None:
    async with app.router.lifespan_context(app):
        assert fake.life == ["start"]
    assert fake.life == ["start", "close"]


async def test_liveness_waits_for_nobody(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    waiting = [asyncio.create_task(client.post("/predict", content=WAITS)) for _ in range(50)]
    await fake.arrival_of(50)
    assert (await client.get("/livez")).json() == {"status": "alive"}
    assert not any(task.done() for task in waiting)
    fake.gate.set()
    assert {task.status_code for task in await asyncio.gather(*waiting)} == {200}


async def test_probes_and_predictions_need_no_thread(client: httpx.AsyncClient) -> None:
    """A pool of threads that is used up, by slow pages for instance, must not hold up what matters."""
    limiter = to_thread.current_default_thread_limiter()
    borrowers = [object() for _ in range(int(limiter.total_tokens))]
    for borrower in borrowers:
        limiter.acquire_on_behalf_of_nowait(borrower)
    try:
        async with asyncio.timeout(10):
            for path in ("/livez", "/readyz", "/metrics", "/models", "/methods"):
                assert (await client.get(path)).status_code == 200
            assert (await client.post("/predict", content=b"x")).status_code == 200
            assert (await client.post("/explain/gradcam", files={"image": b"x"})).status_code == 200
    finally:
        for borrower in borrowers:
            limiter.release_on_behalf_of(borrower)


async def test_readiness_says_why_not(client: httpx.AsyncClient, fake: FakeAnswers, app: FastAPI) -> None:
    assert (await client.get("/readyz")).status_code == 200
    fake.ready = (False, "model 'tiny' is loading")
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["detail"]) == (503, "model 'tiny' is loading")
    fake.ready = (True, "")
    app.state.draining = True
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["detail"]) == (503, "the service is stopping")
    assert response.headers["retry-after"]
    assert (await client.get("/livez")).status_code == 200
