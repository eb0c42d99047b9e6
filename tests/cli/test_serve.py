"""`fovea serve`: every setting is a flag of the same name, and what is wrong is said before anything starts."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.cli import serve
from service.cli.main import app
from service.settings import Settings

PLAIN = {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200"}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of every server that would have run."""
    settings: list[Settings] = []

    class Server:
        def __init__(self, app: Any, given: Settings) -> None:
            settings.append(given)

        def run(self) -> None:
            pass

    monkeypatch.setattr("service.api.server.draining.DrainingServer", Server)
    monkeypatch.setattr("service.api.app.create_app", lambda settings: None)
    return settings


def run(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(app, ["serve", *arguments], env=PLAIN | environment)


def test_every_setting_is_a_flag() -> None:
    assert list(inspect.signature(serve.serve).parameters) == list(Settings.model_fields)
    text = run("--help").output
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert f"FOVEA_{name.upper()}" in text
        assert field.description


def test_flags_become_settings(started: list[Settings], tmp_path: Path) -> None:
    flags = ["--port", "0", "--registry", str(tmp_path), "--engine", "torch", "--precision", "bf16", "--offline"]
    more = ["--feature-cache-mb", "0", "--allowed-hosts", "a", "--allowed-hosts", "b", "--data-dir", str(tmp_path)]
    result = run(*flags, *more)
    assert result.exit_code == 0, result.output
    (given,) = started
    assert (given.port, given.registry, given.data_dir) == (0, tmp_path, tmp_path)
    assert (given.engine, given.precision, given.offline) == ("torch", "bf16", True)
    assert (given.feature_cache_mb, given.allowed_hosts) == (0, ("a", "b"))


def test_a_flag_comes_before_the_environment_and_that_before_the_default(started: list[Settings]) -> None:
    run(FOVEA_PORT="81", FOVEA_MAX_IMAGES="3", FOVEA_OFFLINE="true")
    run("--port", "82", "--no-offline", FOVEA_PORT="81", FOVEA_OFFLINE="true")
    assert [(given.port, given.max_images, given.offline) for given in started] == [(81, 3, True), (82, 16, False)]


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--port", "70000"], {}, "--port: Input should be less than or equal to 65535"),
        ([], {"FOVEA_PORT": "many"}, "FOVEA_PORT (environment or .env): Input should be a valid integer"),
        (["--engine", "steam"], {}, "steam"),
        (["--deadline-s", "0"], {}, "--deadline-s: Input should be greater than 0"),
    ],
)
def test_a_bad_setting_is_named(
    started: list[Settings], arguments: list[str], environment: dict[str, str], words: str
) -> None:
    result = run(*arguments, **environment)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert not started


def test_no_registry_is_said_in_a_sentence(tmp_path: Path) -> None:
    result = run("--registry", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "no registry at" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("host", "warned"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("10.0.0.5", True), ("eye", True)],
)
def test_who_listens_to_the_world_is_warned(
    started: list[Settings], caplog: pytest.LogCaptureFixture, host: str, warned: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        run("--host", host)
    assert ("asks for no keys" in caplog.text) is warned
    assert [given.host for given in started] == [host]
