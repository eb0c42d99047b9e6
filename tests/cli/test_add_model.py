"""`fovea models add`: what it asks for, what it prints, and that its example is ready to copy."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from typer.testing import CliRunner

from service.cli.add_model import EXAMPLE
from service.cli.command_group import FAILED, USAGE
from service.cli.main import app
from service.models.catalogue import parse
from service.models.entry import Entry
from tests.models import tiny

CARD = ["--intended-use", "a", "--do-not-use", "b", "--training-data", "c", "--licence", "d"]
COMMON = ["--architecture", "tests.models.tiny:network", "--frame", "resize=16", "--frame", "crop=16", *CARD]


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FOVEA_REGISTRY", raising=False)
    monkeypatch.setenv("FOVEA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FOVEA_ENGINE", "torch")
    torch.save(tiny.weights(), tmp_path / "My Best.pth")
    return tmp_path / "My Best.pth"


def add(*words: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, ["models", "add", *words])
    assert result.exit_code == exit_code, f"{result.output}\n{result.exception!r}"
    return " ".join(result.output.split())


def entry(name: str) -> Entry:
    found = parse(Path("models")).records[name].entry
    assert found is not None
    return found


def test_it_says_what_to_do_next() -> None:
    text = add("My Best.pth", "--registry", "models", "--labels", "healthy,ill", *COMMON)
    assert "models/my-best.toml: model my-best loads" in text
    assert "fovea serve --registry models" in text
    assert "predict?model=my-best" in text
    assert "curl -X POST http://127.0.0.1:8000/models/reload" in text
    assert entry("my-best").labels == ("healthy", "ill")


def test_every_option_reaches_its_field(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("healthy, but old\nill\n\n")
    options = {
        "--name": "mine", "--labels": "labels.txt", "--version": "3.1.4", "--notice": "N", "--author": "A",
        "--reference": "R", "--activation": "softmax", "--temperature": "2.5", "--operating-point": "0.25",
        "--argument": "classes=2", "--default-layer": "2", "--stages": "0,1,2,3,4,5", "--layout": "NCHW",
    }  # fmt: skip
    frame = ["--frame", "mean=0.5,0.4,0.3", "--frame", "std=[0.1, 0.2, 0.3]", "--frame", "interpolation=bicubic"]
    pairs = [word for pair in options.items() for word in pair]
    add("My Best.pth", "--registry", "models", *COMMON, *pairs, *frame, "--default", "--half")
    found: dict[str, Any] = entry("mine").model_dump()
    assert found["labels"] == ("healthy, but old", "ill")
    assert (found["version"], found["activation"], found["temperature"]) == ("3.1.4", "softmax", 2.5)
    assert (found["operating_point"], found["arguments"], found["default_layer"]) == (0.25, {"classes": 2}, "2")
    assert (found["stages"], found["layout"]) == (("0", "1", "2", "3", "4", "5"), "NCHW")
    card = found["card"]
    assert [card[field] for field in ("intended_use", "do_not_use", "training_data", "licence")] == ["a", "b", "c", "d"]
    assert (card["notice"], card["authors"], card["references"]) == ("N", ("A",), ("R",))
    assert found["frame"]["mean"] == (0.5, 0.4, 0.3)
    assert (found["frame"]["std"], found["frame"]["interpolation"]) == ((0.1, 0.2, 0.3), "bicubic")
    assert parse(Path("models")).default == "mine"


def test_everything_missing_is_listed_by_its_option() -> None:
    text = add("My Best.pth", "--registry", "models", exit_code=USAGE)
    assert "6 things are missing or wrong" in text
    for option in ("--architecture", "--labels", "--intended-use", "--do-not-use", "--training-data", "--licence"):
        assert f"{option}: is required" in text
    text = add("My Best.pth", "--registry", "models", "--labels", "a,a", *COMMON, "--frame", "crpo=3", exit_code=USAGE)
    assert "2 things are missing or wrong" in text
    assert "--labels: must differ from each other" in text
    assert "--frame KEY=VALUE (frame.crpo): there is no such field; did you mean crop?" in text
    assert not Path("models").exists()


@pytest.mark.parametrize(
    ("words", "text", "exit_code"),
    [
        ([], "name the folder of your own models with --registry", USAGE),
        (["--registry", "one.toml"], "mkdir models && mv one.toml models/", USAGE),
        (["--registry", "models", "--frame", "crop"], "write KEY=VALUE", USAGE),
        (["--registry", "models", "--argument", "classes=3"], "write 2 labels, or other arguments", FAILED),
    ],
)
def test_what_is_wrong_is_said_in_words(words: list[str], text: str, exit_code: int) -> None:
    assert text in add("My Best.pth", "--labels", "a,b", *COMMON, *words, exit_code=exit_code)


def test_the_example_of_the_help_runs(tmp_path: Path) -> None:
    help_text = CliRunner().invoke(app, ["models", "add", "--help"]).output
    assert "fovea models add best.pth --registry models --name eyes" in help_text
    torch.save(torchvision.models.resnet18(num_classes=2).state_dict(), tmp_path / "best.pth")
    command = EXAMPLE.split("```")[1].replace("\\\n", " ")
    words = shlex.split(command)
    assert words[:3] == ["fovea", "models", "add"]
    add(*words[3:])
    assert entry("eyes").card.training_data == "800 photographs of our clinic."
