"""Swagger UI in a real browser: the first Execute of every operation, with a file chosen and nothing else touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.api.test_serving import Running, serving
from tests.models import tiny
from tests.page.path_prefix import below_prefix
from tests.runtime.test_answers import picture

FIRST, LAST = "createCollection", ("deleteItem", "deleteProjection", "deleteCollection")

WITHOUT_EXAMPLE = {"getJob", "cancelJob"}
"""They need an id that the service generates; the example in the document is answered with 404."""


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The real service with the names that the document's examples use."""
    folder = tmp_path_factory.mktemp("swagger")
    zoo = folder / "zoo"
    zoo.mkdir()
    (zoo / "default.toml").write_text('default = "glaucoma"\n')
    tiny.add(zoo, "glaucoma", seed=1)
    with serving(zoo, folder) as running:
        yield running


def fill(client: httpx.Client) -> None:
    """Images for the collection `reference`, and its projection `tsne-2d`."""
    for seed in range(14):
        client.post("/collections/reference/items?label=a", content=picture(seed=seed)).raise_for_status()
    job = client.post("/collections/reference/projection?method=tsne&perplexity=4").json()
    while job["finished"] is None:
        job = client.get(f"/jobs/{job['id']}").json()
    assert job["state"] == "done", job


@contextmanager
def swagger(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/docs")
    page.locator(".opblock").first.wait_for()
    yield page
    page.close()


def execute(page: Page, operation: str, image: Path) -> tuple[str, int]:
    """Open an operation, choose a file for the image if there is a field for it, press Execute; address and status."""
    block = page.locator(f".opblock[id$='-{operation}']")
    block.locator(".opblock-summary-control").click()
    button = block.locator("button.execute")
    button.wait_for()
    field = block.locator("tr[data-property-name='image'] input[type=file]")
    if field.count():
        field.first.set_input_files(image)
    with page.expect_response(lambda response: "openapi.json" not in response.url) as found:
        button.click()
    assert not block.locator(".invalid").count()
    block.locator(".opblock-summary-control").click()
    return found.value.url, found.value.status


def test_the_first_execute_of_every_operation_works(browser: Browser, served: Running, tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(picture(seed=50))
    document: dict[str, Any] = served.client.get("/openapi.json").json()
    operations = [found["operationId"] for item in document["paths"].values() for found in item.values()]
    others = [name for name in operations if name not in {FIRST, *LAST}]
    statuses = {}
    with swagger(browser, f"http://127.0.0.1:{served.port}") as page:
        _, statuses[FIRST] = execute(page, FIRST, image)
        fill(served.client)
        for operation in (*others, *LAST):
            _, statuses[operation] = execute(page, operation, image)
    failed = {operation for operation, status in statuses.items() if status not in {200, 201, 202}}
    assert failed == WITHOUT_EXAMPLE, {name: statuses[name] for name in failed}
    assert {statuses[operation] for operation in failed} == {404}
    assert len(statuses) == len(operations) >= 35


def test_execute_works_below_a_path_prefix(browser: Browser, served: Running, tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(picture(seed=51))
    with below_prefix(served.port) as address, swagger(browser, address) as page:
        assert execute(page, "checkLiveness", image) == (f"{address}/livez", 200)
        url, status = execute(page, "predict", image)
        assert (url.partition("?")[0], status) == (f"{address}/predict", 200)
