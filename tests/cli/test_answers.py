"""Answers without a server: several layers in one map, and how far it can be trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.main import app
from service.explain.fusion import FUSIONS
from service.explain.quality import MEASURES

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


def test_a_fusion_that_does_not_exist_is_named() -> None:
    ran = CliRunner().invoke(app, ["explain", str(RETINA), "--fusion", "sum"])
    assert ran.exit_code == 2
    assert all(f"'{name}'" in ran.output for name in FUSIONS)
