"""Who may have the registry read again: programs on the machine itself, and nobody else."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

ALLOWED = ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]
REFUSED = ["10.0.0.1", "192.168.1.4", "203.0.113.9", "::ffff:10.0.0.1", "2001:db8::1", "", "localhost.evil.example"]


async def reload(app: FastAPI, host: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(host, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.post("/models/reload", headers=headers)


@pytest.mark.parametrize("host", ALLOWED)
async def test_this_machine_may(app: FastAPI, host: str) -> None:
    answer = await reload(app, host)
    assert answer.status_code == 200
    assert answer.json()["unchanged"]


@pytest.mark.parametrize("host", REFUSED)
async def test_others_may_not(app: FastAPI, host: str) -> None:
    answer = await reload(app, host)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
    assert "call it there, on 127.0.0.1" in answer.json()["detail"]


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
async def test_through_a_proxy_nobody_may(app: FastAPI, header: str) -> None:
    answer = await reload(app, "127.0.0.1", **{header: "127.0.0.1"})
    assert answer.status_code == 403
    assert "does not answer through a proxy" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
async def test_pages_of_other_sites_may_not(app: FastAPI, site: str, status: int) -> None:
    assert (await reload(app, "127.0.0.1", **{"Sec-Fetch-Site": site})).status_code == status


async def test_a_refused_client_changes_nothing(app: FastAPI) -> None:
    before = app.state.answers.registry.last_reload
    await reload(app, "10.0.0.1")
    assert app.state.answers.registry.last_reload is before
