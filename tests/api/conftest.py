from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute

from service.api.app import create_app
from service.settings import Settings
from tests.api.fakes import FakeAnswers, registry
from tests.models import tiny


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api") / "zoo"
    registry(folder)
    return folder


@pytest.fixture
def settings(zoo: Path) -> Settings:
    return tiny.settings(zoo, max_images=4, max_image_bytes=4096, receive_seconds=5, threads=1, decode_workers=1)


@pytest.fixture
def fake(settings: Settings) -> FakeAnswers:
    return FakeAnswers(settings)


@pytest.fixture(scope="session")
def routes(zoo: Path) -> list[BaseRoute]:
    """The routes of one application. FastAPI analyses their functions at the first request, once for all tests."""
    settings = tiny.settings(zoo)
    return create_app(settings, FakeAnswers(settings)).router.routes


@pytest.fixture
def app(settings: Settings, fake: FakeAnswers, routes: list[BaseRoute]) -> FastAPI:
    """An application of its own for every test, but for the routes, which have no state."""
    found = create_app(settings, fake)
    found.router.routes[:] = routes
    return found


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with talking_to(app) as client:
        yield client


def talking_to(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.fixture(scope="session")
def document_text(zoo: Path) -> str:
    """The OpenAPI document, generated once for all tests."""
    settings = tiny.settings(zoo)
    return json.dumps(create_app(settings, FakeAnswers(settings)).openapi())


@pytest.fixture
def document(document_text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document_text)
    return found
