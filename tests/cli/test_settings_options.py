"""A bad variable is named by every command, in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.main import app

ROOT = Path(__file__).parents[2]
IMAGE = str(ROOT / "samples" / "retina.jpg")
COMMANDS = [
    ["serve"],
    ["predict", IMAGE],
    ["explain", IMAGE],
    ["embed", IMAGE],
    ["models", "list"],
    ["models", "show", "glaucoma"],
    ["models", "verify"],
    ["models", "pull", "resnet18-imagenet"],
    ["models", "filters", "resnet18"],
    ["models", "activations", "resnet18", IMAGE],
    ["train", "glaucoma", "--name", "x"],
    *(["evaluate", name] for name in ("localisation", "faithfulness", "bias", "dissection")),
    *(["evaluate", name] for name in ("errors", "exciting")),
    ["collections", "import", "--generate"],
    ["collections", "list"],
    *(["collections", name, "set"] for name in ("show", "map", "bias", "reembed", "delete")),
    ["openapi", "--check"],
]  # fmt: skip


def every_command() -> set[tuple[str, ...]]:
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    own = {(command.name or command.callback.__name__,) for command in app.registered_commands if command.callback}
    return own | {
        (str(name), command.name or command.callback.__name__.strip("_"))
        for name, group in groups.items()
        if group is not None
        for command in group.registered_commands
        if command.callback
    }


def test_every_command_is_asked() -> None:
    asked = {tuple(words[:2]) for words in COMMANDS} | {tuple(words[:1]) for words in COMMANDS}
    assert every_command() - asked == {("models", "convert"), ("evaluate", "digits")}  # which have no settings


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_a_bad_variable_is_named(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, bad, why in (("PORT", "many", "valid integer"), ("ALLOWED_HOSTS", "a,b", "as JSON")):
        with monkeypatch.context() as patched:
            patched.setenv(f"FOVEA_{name}", bad)
            patched.setenv("COLUMNS", "300")
            result = CliRunner().invoke(app, words)
        assert result.exit_code == 2, f"{result.output}\n{result.exception!r}"
        said = " ".join(result.output.replace("│", " ").split())
        assert name in said.upper()
        assert why in said
