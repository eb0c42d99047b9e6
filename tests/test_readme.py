"""What the README tells people to type works as it stands, against the service with its shipped models."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from service.cli.main import app
from service.collections.projections import fitting
from tests.forked import ForkedCommand
from tests.shipped import load_each_once

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
FEWER = {"digits": ["--epochs", "1"]}
"""In place of fewer images."""

CURL = [line for line in COMMANDS if line.startswith("curl")]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("serve")) as number:
        yield number


@contextmanager
def served(folder: Path, forked: bool = False) -> Iterator[int]:
    """The port of a service in a process of its own, with nothing configured but its port and its folder.

    folder: there already. forked: start it as tests/forked.py does, and not as a reader of the README does.
    """
    log, arguments = folder / "log", ["serve", "--port", "0", "--data-dir", str(folder)]
    server = ForkedCommand(arguments, log) if forked else _started(arguments, log)
    try:
        number = _wait(server, log)
        yield number
    finally:
        server.terminate()
        assert server.wait(30) == 0


def _started(arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOVEA_")}
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "service", *arguments], stderr=file, stdout=file, env=environment, cwd=ROOT
        )


def _wait(server: subprocess.Popen[bytes] | ForkedCommand, log: Path) -> int:
    """The port, once every model has been loaded; a busy machine may take its time."""
    for _ in range(1800):
        said = log.read_text() if log.exists() else ""
        assert server.poll() is None, said
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        if found and _all_loaded(f"http://127.0.0.1:{found.group(1)}"):
            return int(found.group(1))
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _all_loaded(address: str) -> bool:
    try:
        models = httpx.get(f"{address}/models", timeout=30).json()["models"]
    except httpx.TransportError:
        return False
    return all(model["state"] != "loading" for model in models)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", CURL)
def test_every_curl_command_of_the_readme_answers(port: int, command: str, tmp_path: Path) -> None:
    words = shlex.split(command.replace("localhost:8000", f"127.0.0.1:{port}").replace("samples/", f"{ROOT}/samples/"))
    done = subprocess.run([*words, "--fail-with-body", "--silent"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    picture = tmp_path / "map.png"
    if "-o" in words:
        assert picture.read_bytes().startswith(b"\x89PNG")
        return
    answer = json.loads(done.stdout)
    assert answer["status"] == "ok"
    assert answer["model"]["notice"].startswith("SYNTHETIC")


def test_make_targets_of_the_readme_exist() -> None:
    targets = {line.split()[1] for line in COMMANDS if line.startswith("make ")}
    assert {"serve", "test"} <= targets
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_the_command_line_explains_without_a_server(tmp_path: Path) -> None:
    (line,) = (line for line in COMMANDS if "fovea explain" in line)
    words = shlex.split(line.replace("samples/", f"{ROOT}/samples/"))[1:]
    done = subprocess.run(
        [sys.executable, "-m", "service", *words],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        env=_here(),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert "SYNTHETIC" in done.stdout


@pytest.mark.parametrize("line", [line for line in COMMANDS if re.search("fovea (models|evaluate) ", line)])
def test_the_commands_that_look_inside_write_what_they_say(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On fewer drawn eyes than a reader would take."""
    words = shlex.split(line.replace("samples/", f"{ROOT}/samples/"))[1:]
    few = FEWER.get(words[1], ["--images", "16"]) if words[0] == "evaluate" else []
    monkeypatch.setattr(fitting, "ITERATIONS", 5)
    load_each_once(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOVEA_DATA_DIR", str(tmp_path))
    result = CliRunner().invoke(app, [*words, *few])
    assert result.exit_code == 0, result.output
    written = (tmp_path / words[-1]).read_bytes()
    assert written.startswith((b"\x89PNG", b"<!doctype html>"))


def test_the_commands_that_fill_and_map_a_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other."""
    load_each_once(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOVEA_DATA_DIR", str(tmp_path))
    lines = [shlex.split(line)[1:] for line in COMMANDS if "fovea collections " in line]
    assert [words[1] for words in lines] == ["import", "project"]
    for words, few in zip(lines, (["--images", "16"], []), strict=True):
        result = CliRunner().invoke(app, [*words, *few])
        assert result.exit_code == 0, result.output
    assert (tmp_path / lines[-1][-1]).read_bytes().startswith(b"\x89PNG")


def _here() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}
