from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

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


@pytest.fixture
def app(settings: Settings, fake: FakeAnswers) -> FastAPI:
    return create_app(settings, fake)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with talking_to(app) as client:
        yield client


def talking_to(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()
