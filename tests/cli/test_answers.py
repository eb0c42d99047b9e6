"""Answers without a server: several layers in one map, and how far it can be trusted."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.api.app import create_app
from service.cli.main import app
from service.explain.fusion import FUSIONS
from service.explain.quality import MEASURES
from service.settings import Settings
from tests.api.conftest import talking_to
from tests.models import tiny
from tests.runtime.test_answers import picture

RETINA = Path(__file__).parents[2] / "samples" / "retina.jpg"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FOVEA_ENGINE", "torch")


def test_maps_of_several_layers_are_fused_and_measured() -> None:
    layers = ["--layer", "layer4", "--layer", "layer3", "--fusion", "product"]
    ran = CliRunner().invoke(app, ["explain", str(RETINA), *layers, "--quality", "--json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)["explanation"]
    (found,) = told["maps"]
    assert told["parameters"]["fusion"] == "product"
    assert len(found["grid"]) == 14
    assert 0 <= found["minimum"] <= found["maximum"] <= 1
    assert set(found["quality"]) == set(MEASURES)


@pytest.mark.parametrize(
    ("words", "route"),
    [
        (["predict"], "/predict"),
        (["explain", "--method", "hirescam"], "/explain/hirescam?boxes=true"),
        (["embed"], "/embed"),
        (["models", "activations", "tiny"], "/models/tiny/activations"),
    ],
)
async def test_json_equals_the_answer_of_the_api(
    words: list[str], route: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, but for the request's number and the time it took."""
    (tmp_path / "zoo").mkdir()
    tiny.add(tmp_path / "zoo", "tiny", seed=3)
    monkeypatch.setenv("FOVEA_REGISTRY", str(tmp_path / "zoo"))
    monkeypatch.setenv("FOVEA_DECODE_WORKERS", "1")
    (tmp_path / "image.png").write_bytes(picture(5))
    ran = await asyncio.to_thread(CliRunner().invoke, app, [*words, str(tmp_path / "image.png"), "--json"])
    assert ran.exit_code == 0, ran.output
    service = create_app(Settings(_env_file=None))
    async with service.router.lifespan_context(service), talking_to(service) as client:
        await asyncio.to_thread(service.state.answers.registry.load, "tiny")
        sent = await client.post(route, content=picture(5), headers={"content-type": "image/png"})
    assert sent.status_code == 200, sent.text
    mine, theirs = json.loads(ran.stdout), sent.json()
    assert list(mine) == list(theirs)
    for changing in ("request_id", "timing_ms"):
        assert mine.pop(changing)
        assert theirs.pop(changing)
    assert mine == theirs


def test_a_fusion_that_does_not_exist_is_named() -> None:
    ran = CliRunner().invoke(app, ["explain", str(RETINA), "--fusion", "sum"])
    assert ran.exit_code == 2
    assert all(f"'{name}'" in ran.output for name in FUSIONS)
