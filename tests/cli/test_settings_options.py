"""A bad variable is named by every command, in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.main import app
from tests.cli.command_line import commands

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
    ["models", "add", IMAGE],
    ["models", "pull", "resnet18-imagenet"],
    ["models", "filters", "resnet18"],
    ["models", "activations", "resnet18", IMAGE],
    ["train", "glaucoma", "--name", "x"],
    *(["evaluate", name] for name in ("localisation", "faithfulness", "bias", "dissection")),
    *(["evaluate", name] for name in ("errors", "top-activations")),
    ["collections", "import", "--generate"],
    ["collections", "list"],
    *(["collections", name, "set"] for name in ("show", "project", "bias", "reembed", "delete")),
    ["openapi", "--check"],
]  # fmt: skip


def test_every_command_that_has_settings_is_tried() -> None:
    tried = {tuple(words[:2]) for words in COMMANDS} | {tuple(words[:1]) for words in COMMANDS}
    assert {words for words, _ in commands()} - tried == {
        ("models", "convert"),
        ("evaluate", "digits"),
        ("evaluate", "optimizers"),
    }


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
