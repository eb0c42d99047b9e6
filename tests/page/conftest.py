from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from tests.api.test_serving import Running, serving
from tests.page import finder
from tests.page.relay import Relay
from tests.page.shelf import drawn, fill
from tests.page.viewer import Viewer

HERE = Path(__file__).parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests that share a browser run in one worker of `pytest -n 2 --dist loadgroup`."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for all tests of this folder; where there is none, they are skipped."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium here; apt-get install chromium brings it")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            pytest.skip(f"chromium does not start here: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The real service with the models of finder.py, for as long as there is a browser to look at it."""
    folder = tmp_path_factory.mktemp("page")
    finder.registry(folder / "zoo")
    with serving(folder / "zoo", folder) as running:
        yield running


@pytest.fixture(scope="package")
def shelf(server: Running) -> None:
    """The service with the collections of shelf.py in it."""
    fill(server.client)


@pytest.fixture(scope="package")
def maps(shelf: None, server: Running) -> None:
    """Maps of marks-known; the others have none."""
    del shelf
    for kind in ("tsne-2d", "pca-3d"):
        drawn(server.client, "marks-known", kind)


@pytest.fixture
def viewer(browser: Browser, server: Running) -> Iterator[Viewer]:
    """A freshly loaded page; a script's uncaught error fails the test."""
    with Viewer.on(browser, server.port) as viewer:
        yield viewer
        assert not viewer.errors


@pytest.fixture
def relay(server: Running) -> Iterator[Relay]:
    """A wire to the service that can be slowed down and cut."""
    with Relay.to(server.port) as relay:
        yield relay


@pytest.fixture
def wired(browser: Browser, relay: Relay) -> Iterator[Viewer]:
    """A page at the other end of that wire."""
    with Viewer.on(browser, relay.port) as viewer:
        yield viewer
        assert not viewer.errors
