"""What docs/inside.md tells people to type works as it stands, in the order of the page, with the shipped models."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.main import app
from service.collections.projections import fitting
from tests.cli.command_line import parse
from tests.shipped import load_each_once
from tests.test_readme import ROOT, served

PAGE = (ROOT / "docs" / "inside.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
LINES = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]

FEWER = (
    ("fovea evaluate digits", ["--epochs", "1"]),
    ("fovea evaluate ", ["--images", "16"]),
    ("fovea collections import", ["--images", "16"]),
    ("fovea", []),
)
"""Words behind a command, so that it takes seconds; the first that fits."""

PARSED = ("fovea train ", "fovea evaluate bias --registry trained")
"""Lines that are read and not run: the first learns for a minute, and the second looks at what it made."""

BEGINNINGS = {".png": (b"\x89PNG",), ".html": (b"<!doctype html>",)}


def test_nothing_on_the_page_is_passed_over() -> None:
    assert len(LINES) > 20
    assert all(line.startswith(("fovea ", "curl ")) for line in LINES)
    assert all(any(line.startswith(one) for line in LINES) for one in PARSED)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_line_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOVEA_DATA_DIR", str(tmp_path / "data"))
    load_each_once(monkeypatch)
    for rounds in ("ITERATIONS", "EARLY_ITERATIONS"):
        monkeypatch.setattr(fitting, rounds, 5)
    with served(tmp_path / "data", forked=True) as port:
        for line in LINES:
            words = shlex.split(line.replace("localhost:8000", f"127.0.0.1:{port}"))
            if line.startswith(PARSED):
                parse(words[1:])
            elif words[0] == "curl":
                ask(words)
            else:
                result = CliRunner().invoke(
                    app, words[1:] + next(few for start, few in FEWER if line.startswith(start))
                )
                assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"
            for file in {word for word in words if Path(word).suffix in BEGINNINGS and "@" not in word}:
                if not line.startswith(PARSED):
                    assert Path(file).read_bytes().startswith(BEGINNINGS[Path(file).suffix]), line
                    Path(file).unlink()


def ask(words: list[str]) -> None:
    done = subprocess.run([*words, "--fail-with-body", "--silent", "--show-error"], capture_output=True, check=False)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout!r}\n{done.stderr!r}"
    if "-o" not in words:
        assert isinstance(json.loads(done.stdout), dict)
