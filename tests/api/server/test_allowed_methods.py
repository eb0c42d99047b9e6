"""OPTIONS, and the Allow header of 405: all methods of an address, whichever route has them."""

from __future__ import annotations

import httpx
import pytest

ALLOWED = {
    "/": "GET, HEAD, OPTIONS",
    "/openapi.json": "GET, HEAD, OPTIONS",
    "/page/index.html": "GET, HEAD, OPTIONS",
    "/predict": "POST, OPTIONS",
    "/explain/gradcam": "POST, OPTIONS",
    "/models": "GET, HEAD, OPTIONS",
    "/models/tiny/activations": "POST, OPTIONS",
    "/collections": "GET, HEAD, POST, OPTIONS",
    "/collections/reference": "GET, HEAD, DELETE, OPTIONS",
    "/collections/reference/items": "GET, HEAD, POST, OPTIONS",
    "/jobs/x": "GET, HEAD, DELETE, OPTIONS",
    "/livez": "GET, HEAD, OPTIONS",
}


@pytest.mark.parametrize("path", ALLOWED)
async def test_options_names_all_methods(client: httpx.AsyncClient, path: str) -> None:
    response = await client.options(path)
    assert (response.status_code, response.content, response.headers["allow"]) == (204, b"", ALLOWED[path])


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW"])
async def test_every_other_method_is_refused_with_all_that_are_allowed(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    if method in ALLOWED[path].split(", "):
        assert response.status_code != 405
    else:
        assert (response.status_code, response.headers["allow"]) == (405, ALLOWED[path])
        assert method == "HEAD" or ALLOWED[path] in response.json()["detail"]


async def test_an_unknown_address_has_no_methods(client: httpx.AsyncClient) -> None:
    response = await client.options("/nowhere")
    assert response.status_code == 404
    assert "allow" not in response.headers
