from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from service.api.app import create_app
from tests.api.conftest import talking_to
from tests.api.fakes import FakeAnswers
from tests.api.test_serving import Running, serving
from tests.models import tiny
from tests.page import finder
from tests.page.viewer import Viewer

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; `apt-get install chromium` brings it."""
    path = shutil.which("chromium")
    if not os.environ.get("FOVEA_TEST_BROWSER"):
        pytest.skip("the viewer is being built: FOVEA_TEST_BROWSER=1 runs its tests in a browser")
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


@pytest.fixture
def viewer(browser: Browser, server: Running) -> Iterator[Viewer]:
    """A freshly loaded page; a script's uncaught error fails the test."""
    with Viewer.on(browser, server) as viewer:
        yield viewer
        assert not viewer.errors


@pytest.fixture
async def page_client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The service in this process, for its files alone."""
    finder.registry(tmp_path / "zoo")
    settings = tiny.settings(tmp_path / "zoo")
    async with talking_to(create_app(settings, FakeAnswers(settings))) as client:
        yield client
