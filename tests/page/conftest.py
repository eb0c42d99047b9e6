from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

from tests.api.test_serving import Running, serving
from tests.page import mark_model
from tests.page.reference_sets import compute_projection, create_collections
from tests.page.relay import Relay
from tests.page.viewer import Viewer, new_context

HERE = Path(__file__).parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a browser are heavy, and all run in one worker of `pytest -n 2 --dist loadgroup`."""
    for item in items:
        if item.path.is_relative_to(HERE) and "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.heavy)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for all tests; where there is none, they are skipped."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is missing; apt-get install chromium brings it")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            pytest.skip(f"chromium does not start: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service with the models of mark_model.py for all tests that have a browser."""
    folder = tmp_path_factory.mktemp("page")
    mark_model.write_registry(folder / "zoo")
    with serving(folder / "zoo", folder) as running:
        yield running


@pytest.fixture(scope="package")
def collections(server: Running) -> None:
    """The collections of reference_sets.py in the service."""
    create_collections(server.client)


@pytest.fixture(scope="package")
def projections(collections: None, server: Running) -> None:
    """Two projections of marks-known; the other collections have none."""
    del collections
    for name in ("tsne-2d", "pca-3d"):
        compute_projection(server.client, "marks-known", name)


@pytest.fixture(scope="package")
def shared_context(browser: Browser) -> Iterator[BrowserContext]:
    """One browser context for most tests, so that the page's files come from its cache."""
    with new_context(browser) as context:
        yield context


@pytest.fixture
def context(shared_context: BrowserContext) -> Iterator[BrowserContext]:
    """The shared context. It is online and without permissions again after the test."""
    yield shared_context
    shared_context.set_offline(False)
    shared_context.clear_permissions()


@pytest.fixture
def viewer(context: BrowserContext, server: Running) -> Iterator[Viewer]:
    """A page that has just been loaded. An uncaught error of its scripts fails the test."""
    with Viewer.opened(context, server.port) as viewer:
        yield viewer
        assert not viewer.errors


@pytest.fixture(scope="package")
def shared_relay(server: Running) -> Iterator[Relay]:
    """One relay to the service: its address is the origin of the page, and so of its cache."""
    with Relay.to(server.port) as relay:
        yield relay


@pytest.fixture
def relay(shared_relay: Relay) -> Iterator[Relay]:
    """A connection to the service that can be held and cut. It forwards again after the test."""
    yield shared_relay
    shared_relay.reset()


@pytest.fixture
def relayed(context: BrowserContext, relay: Relay) -> Iterator[Viewer]:
    """A page that is connected through the relay."""
    with Viewer.opened(context, relay.port) as viewer:
        yield viewer
        assert not viewer.errors
