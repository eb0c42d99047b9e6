"""Requests of other pages, as browsers mark them. `tests/page/test_origins.py` makes them in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from service.api.app import create_app
from service.settings import Settings
from tests.api.conftest import talking_to
from tests.api.fakes import FakeAnswers

FORM = {"files": {"image": b"no image"}}
ELSEWHERE = "https://elsewhere.example"

FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a neighbouring site": {"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"},
    "a form that navigates": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Origin": "null"},
    "an older browser": {"Origin": ELSEWHERE},
    "a sandboxed frame": {"Origin": "null"},
    "another port": {"Origin": "http://localhost:1"},
    "a rebound name": {"Host": "elsewhere.example", "Origin": ELSEWHERE, "Sec-Fetch-Site": "same-origin"},
}

OWN: dict[str, dict[str, str]] = {
    "no browser": {},
    "the viewer": {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    "the viewer behind a proxy that changes the Host": {"Sec-Fetch-Site": "same-origin", "Origin": "https://a.example"},
    "the viewer in an older browser": {"Origin": "http://localhost"},
    "the user": {"Sec-Fetch-Site": "none"},
}


@pytest.mark.parametrize("source", FOREIGN)
async def test_every_route_refuses_other_pages(app: FastAPI, source: str) -> None:
    async with talking_to(app) as client:
        for route in (route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema):
            for method in route.methods:
                response = await client.request(
                    method, route.path.replace("{", "").replace("}", ""), headers=FOREIGN[source]
                )
                assert response.status_code == (400 if "Host" in FOREIGN[source] else 403), (method, route.path)


@pytest.mark.parametrize("source", OWN)
async def test_the_viewer_and_other_clients_are_answered(app: FastAPI, source: str) -> None:
    async with talking_to(app) as client:
        assert (await client.post("/predict", **FORM, headers=OWN[source])).status_code == 200
        assert (await client.get("/collections", headers=OWN[source])).status_code == 200


async def test_an_origin_without_a_name_is_not_that_of_a_request_without_a_host(app: FastAPI) -> None:
    async with talking_to(app) as client:
        assert (await client.post("/predict", **FORM, headers={"Host": "", "Origin": "null"})).status_code == 403


async def test_a_refusal_comes_before_anything_changes(app: FastAPI) -> None:
    async with talking_to(app) as client:
        refused = await client.post("/collections", params={"name": "planted"}, headers=FOREIGN["another site"])
        assert refused.status_code == 403
        assert refused.json()["type"] == "/problems/cross-site-request"
        names = [one["name"] for one in (await client.get("/collections")).json()["collections"]]
        assert "planted" not in names


async def test_pages_and_links_are_opened_from_anywhere(app: FastAPI) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    async with talking_to(app) as client:
        for path in ("/", "/docs", "/models", "/openapi.json"):
            assert (await client.get(path, headers=link)).status_code == 200, path


@pytest.mark.parametrize("allowed", [ELSEWHERE, "*"])
async def test_allowed_origins_are_answered(settings: Settings, allowed: str) -> None:
    settings = settings.model_copy(update={"allowed_origins": (allowed,)})
    headers: Any = {"Origin": ELSEWHERE, "Sec-Fetch-Site": "cross-site"}
    async with talking_to(create_app(settings, FakeAnswers(settings))) as client:
        response = await client.post("/predict", **FORM, headers=headers)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == allowed
        other = await client.post("/predict", **FORM, headers=headers | {"Origin": "https://third.example"})
        assert other.status_code == (200 if allowed == "*" else 403)
