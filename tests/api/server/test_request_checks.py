"""Every route refuses unknown and duplicate query parameters, because the application checks them and not the route."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from service.api.app import create_app
from service.settings import Settings
from tests.api.conftest import talking_to
from tests.api.fakes import FakeAnswers

NAMES = {
    "method": "gradcam", "name": "tiny", "number": 1, "unit": 1, "map": "pca-2d", "projection": "pca-2d",
    "job": "x", "slug": "x", "model": "tiny",
}  # fmt: skip


def api_routes(app: FastAPI) -> list[tuple[str, str]]:
    """Method and address of each route in the API document."""
    return [
        (method, (context.path or "").format(**NAMES))
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute) and context.original_route.include_in_schema
        for method in sorted(context.methods or ())
    ]


async def test_every_route_refuses_an_unknown_parameter(app: FastAPI, client: httpx.AsyncClient) -> None:
    routes = api_routes(app)
    assert len(routes) >= 34
    for method, path in routes:
        response = await client.request(method, path, params={"verbose": "1"})
        assert response.status_code == 422, (method, path)
        assert "takes no query parameter 'verbose'" in response.json()["detail"], (method, path)


async def test_every_single_value_may_be_given_once(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    checked = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query" and parameter["schema"].get("type") != "array":
                    name, own = parameter["name"], "Only for" in parameter["description"] and "/collections" not in path
                    names = NAMES | {"method": parameter["description"].rpartition(" ")[2][:-1]} if own else NAMES
                    query = [(name, "1"), (name, "1"), *([("methods", names["method"])] if path == "/analyze" else [])]
                    response = await client.request(method, path.format(**names), params=query)
                    assert response.status_code == 422, (path, name)
                    assert f"query parameter {name} is given more than once" in response.json()["detail"], (path, name)
                    checked += 1
    assert checked > 50


async def test_a_new_route_is_checked_without_a_line_of_its_own(settings: Settings) -> None:
    router = APIRouter()

    @router.get("/new")
    async def get_new(limit: int = 1) -> int:
        return limit

    app = create_app(settings, FakeAnswers(settings))
    app.include_router(router)
    async with talking_to(app) as client:
        assert (await client.get("/new?limit=3")).json() == 3
        for query in ("limit=3&limit=4", "limits=3"):
            assert (await client.get(f"/new?{query}")).status_code == 422


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_pages_leave_the_query_to_their_scripts(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"{path}?model=tiny")).status_code == 200
