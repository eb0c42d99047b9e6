"""The version comes from one place."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path
from typing import Any

import httpx
from setuptools.config.pyprojecttoml import read_configuration

import service

ROOT = Path(__file__).parents[3]


async def test_the_route_the_document_and_the_package_agree(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    assert (await client.get("/version")).json() == {"version": service.__version__}
    assert document["info"]["version"] == service.__version__


def test_the_build_reads_the_constant() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    assert read_configuration(ROOT / "pyproject.toml")["project"]["version"] == service.__version__
    assert importlib.metadata.version("fovea") == service.__version__
