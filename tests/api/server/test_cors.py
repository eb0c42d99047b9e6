"""Cross-origin requests are closed by default and open for the named origins only."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from service.api.app import create_app
from service.settings import Settings
from tests.api.conftest import talking_to
from tests.api.fakes import FakeAnswers

VIEWER = "https://viewer.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def open_to(settings: Settings, *origins: str) -> FastAPI:
    opened = settings.model_copy(update={"allowed_origins": origins})
    return create_app(opened, FakeAnswers(opened))


def cors_headers(response: httpx.Response) -> set[str]:
    return {name for name in response.headers if name.startswith("access-control")}


async def test_it_is_closed_by_default(client: httpx.AsyncClient) -> None:
    for response in (
        await client.get("/models", headers={"Origin": VIEWER}),
        await client.options("/predict", headers={"Origin": VIEWER, **PREFLIGHT}),
    ):
        assert not cors_headers(response)


async def test_a_named_origin_may_ask_and_read(settings: Settings) -> None:
    async with talking_to(open_to(settings, VIEWER)) as client:
        preflight = await client.options("/predict", headers={"Origin": VIEWER, **PREFLIGHT})
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == VIEWER
        assert "POST" in preflight.headers["access-control-allow-methods"]
        assert preflight.headers["x-request-id"]
        for path in ("/predict", "/predict?x=1"):
            response = await client.post(path, content=b"x", headers={"Origin": VIEWER})
            assert response.headers["access-control-allow-origin"] == VIEWER
            assert "origin" in response.headers["vary"].lower()
            assert "access-control-allow-credentials" not in response.headers


async def test_errors_of_every_layer_can_be_read(settings: Settings) -> None:
    async with talking_to(open_to(settings, VIEWER)) as client:
        for path, headers, status in (
            ("/predict", {"Content-Encoding": "br"}, 415),
            ("/predict", {"Content-Length": "99999999999"}, 413),
            ("/nowhere", {}, 404),
            ("/models", {}, 405),
        ):
            response = await client.post(path, content=b"x", headers={"Origin": VIEWER, **headers})
            assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, VIEWER)
        crash = await client.post("/predict", content=b"crash", headers={"Origin": VIEWER})
        assert (crash.status_code, crash.headers["access-control-allow-origin"]) == (500, VIEWER)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://viewer.example", "https://viewer.example:8443", "null"]
)
async def test_any_other_origin_stays_closed(settings: Settings, origin: str) -> None:
    async with talking_to(open_to(settings, VIEWER)) as client:
        assert "access-control-allow-origin" not in (await client.get("/models", headers={"Origin": origin})).headers
        preflight = await client.options("/predict", headers={"Origin": origin, **PREFLIGHT})
        assert preflight.status_code == 400
        assert "access-control-allow-origin" not in preflight.headers


async def test_a_star_opens_to_all(settings: Settings) -> None:
    async with talking_to(open_to(settings, "*")) as client:
        response = await client.get("/models", headers={"Origin": "https://any.example"})
        assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "origin", ["viewer.example", "https://viewer.example/", "https://*.example", "https://", "ftp://x", ""]
)
def test_what_is_not_an_origin_is_refused_at_the_start(zoo: Any, origin: str) -> None:
    """A browser would never send it, so that the setting would silently have no effect."""
    with pytest.raises(ValidationError, match="is not an origin"):
        Settings(registry=zoo, allowed_origins=(origin,))
