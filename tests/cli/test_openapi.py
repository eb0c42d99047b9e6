"""`fovea openapi`: print, write, check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.cli.main import app

COMMITTED = Path(__file__).parents[2] / "openapi" / "openapi.json"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["openapi", *arguments], env={"COLUMNS": "200"})


def test_it_prints_what_is_committed(run: Any) -> None:
    assert run().stdout == COMMITTED.read_text(encoding="utf-8")


def test_it_writes_and_then_agrees(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "document.json"
    assert run("--out", str(file)).exit_code == 0
    assert json.loads(file.read_text(encoding="utf-8"))["openapi"].startswith("3.1")
    assert run("--check", "--out", str(file)).exit_code == 0


def test_a_difference_ends_with_one_and_says_what_mends_it(run: Any, tmp_path: Path) -> None:
    assert run("--check").exit_code == 1
    (tmp_path / "openapi").mkdir()
    file = tmp_path / "openapi" / "openapi.json"
    file.write_text(COMMITTED.read_text(encoding="utf-8").replace("gradcam", "gradcan"), encoding="utf-8")
    result = run("--check")
    assert result.exit_code == 1
    assert "run `fovea openapi --out openapi/openapi.json`" in result.output
    file.write_text(COMMITTED.read_text(encoding="utf-8"), encoding="utf-8")
    assert run("--check").exit_code == 0
