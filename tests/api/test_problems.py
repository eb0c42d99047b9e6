"""Every error has its status, its type, its words, and leads to a page that explains it."""

from __future__ import annotations

import httpx
import pytest

from service import errors
from service.api.problems import ERROR_PROBLEMS, PROBLEM_TYPES, problem_type
from tests.api.fakes import FAULTS

STATUSES = {
    b"no picture": (415, "unsupported-image"),
    b"damaged": (422, "damaged-image"),
    b"too many pixels": (413, "too-large"),
    b"full": (429, "overloaded"),
    b"late": (503, "deadline-exceeded"),
    b"nan": (503, "model-fault"),
    b"base": (503, "unavailable"),
}


def subclasses(cls: type[errors.FoveaError]) -> set[type[errors.FoveaError]]:
    return {cls} | {below for child in cls.__subclasses__() for below in subclasses(child)}


def test_every_error_of_the_tree_has_a_kind() -> None:
    tree = {cls for cls in subclasses(errors.FoveaError) if cls.__module__ == "service.errors"}
    for cls in tree - {errors.FoveaError}:
        assert problem_type(cls("x")).status < 600
        assert problem_type(cls("x")).slug != "unexpected", cls
    assert set(ERROR_PROBLEMS) <= tree


def test_only_an_unexpected_fault_is_a_500() -> None:
    assert [kind.slug for kind in PROBLEM_TYPES.values() if kind.status == 500] == ["unexpected"]
    assert all(
        issubclass(cls, errors.RequestError) == (kind.status < 500 and kind.status != 429)
        for cls, kind in ERROR_PROBLEMS.items()
    )


@pytest.mark.parametrize("data", STATUSES)
async def test_an_error_becomes_a_problem(client: httpx.AsyncClient, data: bytes) -> None:
    status, slug = STATUSES[data]
    response = await client.post("/predict", content=data)
    problem = response.json()
    assert response.status_code == problem["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"/problems/{slug}"
    assert problem["detail"] == problem["error"] == str(FAULTS[data])
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["instance"] == f"/predict#{problem['request_id']}"
    assert problem["title"] == PROBLEM_TYPES[slug].title
    explained = (await client.get(problem["type"])).json()
    assert (explained["status"], explained["title"]) == (status, problem["title"])
    assert len(explained["meaning"]) > 40


@pytest.mark.parametrize(("data", "seconds"), [(b"full", "2"), (b"late", "3"), (b"nan", "1"), (b"base", "1")])
async def test_what_may_be_tried_again_says_when(client: httpx.AsyncClient, data: bytes, seconds: str) -> None:
    assert (await client.post("/predict", content=data)).headers["retry-after"] == seconds


async def test_what_concerns_our_own_disk_stays_in_the_log(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.post("/predict", content=b"disk")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "60"
    assert "secret" not in response.text
    assert "/srv/secret/glaucoma.safetensors is damaged" in caplog.text
    assert response.headers["x-request-id"] in caplog.text


async def test_an_unexpected_fault_tells_nothing_of_the_request(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.post("/predict", content=b"crash")
    assert response.status_code == 500
    assert response.json()["type"] == "/problems/unexpected"
    assert "Canary" not in response.text + caplog.text
    assert "ZeroDivisionError at fakes.py" in caplog.text
    assert f"request_id={response.headers['x-request-id']}" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "no-such-route"),
        ("GET", "/predict/", 404, "no-such-route"),
        ("GET", "/docs/swagger/nothing.js", 404, "no-such-route"),
        ("GET", "/docs/swagger/../../../errors.py", 404, "no-such-route"),
        ("GET", "/docs/own/%2e%2e/app.py", 404, "no-such-route"),
        ("GET", "/predict", 405, "wrong-method"),
        ("DELETE", "/models", 405, "wrong-method"),
        ("POST", "/page/index.html", 405, "wrong-method"),
    ],
)
async def test_the_routers_own_refusals_are_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int, slug: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == status
    assert response.json()["type"] == f"/problems/{slug}"
    assert "access-control-allow-origin" not in response.headers


async def test_an_instance_is_a_uri_whatever_was_asked_for(client: httpx.AsyncClient) -> None:
    response = await client.get("/models/%3Cscript%3E%20%C3%A9?x=1")
    assert response.json()["instance"].startswith("/models/%3Cscript%3E%20%C3%A9#")


async def test_all_kinds_are_listed(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/problems")).json()["problems"]
    assert [kind["type"] for kind in listed] == [kind.uri for kind in PROBLEM_TYPES.values()]
    assert (await client.get("/problems/nothing")).status_code == 404
