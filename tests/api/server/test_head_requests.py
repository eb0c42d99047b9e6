"""HEAD wherever there is GET: the same status and headers, and no body."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from tests.api.server.test_request_checks import api_routes

PAGES = ["/", "/docs", "/openapi.json", "/page/index.html", "/docs/own/docs.js", "/nowhere"]
VARYING = {"date", "x-request-id", "content-length", "last-modified"}


async def test_every_address_answers_head_as_it_answers_get(app: FastAPI, client: httpx.AsyncClient) -> None:
    paths = [path for method, path in api_routes(app) if method == "GET"]
    assert len(paths) > 15
    for path in [*paths, *PAGES]:
        get, head = await client.get(path), await client.head(path)
        assert head.status_code == get.status_code, path
        assert head.content == b"", path
        assert head.headers.keys() == get.headers.keys(), path
        for name in get.headers.keys() - VARYING:
            assert head.headers[name] == get.headers[name], (path, name)


async def test_the_length_is_that_of_the_body_left_out(client: httpx.AsyncClient) -> None:
    for path in ("/livez", "/methods", "/docs/own/docs.js"):
        head, get = [
            await client.request(method, path, headers={"Accept-Encoding": "identity"}) for method in ("HEAD", "GET")
        ]
        assert head.headers["content-length"] == str(len(get.content))


async def test_head_is_logged_as_head(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "fovea.access")
    await client.head("/models/tiny")
    assert "method=HEAD route=/models/{name} status=200" in caplog.text
