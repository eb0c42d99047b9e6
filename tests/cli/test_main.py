"""Laws of all commands: quick help, examples that parse, one scheme of exit codes, names printed as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from service.cli import answers, collection_projections
from service.cli.main import COMMANDS as ROWS
from service.cli.main import app
from service.collections.projection import PROJECTION_METHODS
from service.explain.fusion import FUSIONS
from service.explain.methods import METHODS
from service.images.colormap import COLORMAPS
from tests.cli.command_line import commands, examples, parse
from tests.models import tiny

ROOT = Path(__file__).parents[2]
COMMANDS = dict(commands())
HEAVY = ("torch", "torchvision", "openvino", "sklearn", "scipy", "matplotlib", "fastapi")
NO_TENSOR = [["--help"], ["--version"], ["models", "list"], ["models", "show", "tiny"], ["collections", "list"]]
IMPORTS = """
import json, sys
from typer.testing import CliRunner
from service.cli.main import COMMANDS as ROWS
from service.cli.main import app
for words in json.loads(sys.argv[1]):
    result = CliRunner().invoke(app, words)
    heavy = [name for name in json.loads(sys.argv[2]) if name in sys.modules]
    assert result.exit_code == 0 and not heavy, (words, heavy, result.output)
print("done")
"""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "registry"
    folder.mkdir()
    tiny.add(folder, "tiny")
    entry = folder / "tiny.toml"
    entry.write_text(entry.read_text().replace('"healthy"', '"[x] left"'))
    for name, value in {"REGISTRY": folder, "DATA_DIR": tmp_path / "data", "ENGINE": "torch"}.items():
        monkeypatch.setenv(f"FOVEA_{name}", str(value))
    return folder


def test_help_and_commands_that_compute_nothing_import_no_large_library(registry: Path) -> None:
    """A law about imports in place of seconds: PyTorch alone costs two of them."""
    helps = [[*words, "--help"] for words in COMMANDS]
    given = [json.dumps([*NO_TENSOR, *helps]), json.dumps(HEAVY)]
    done = subprocess.run([sys.executable, "-c", IMPORTS, *given], capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_that_parses(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    for folder in ("FOLDER", "photographs", "mine"):
        (tmp_path / folder).mkdir()
    for file in ("mine.safetensors", "best.pth"):
        (tmp_path / file).touch()
    found = examples(COMMANDS[words])
    assert found
    for example in found:
        assert "--help" not in example
        assert parse(example) == words


def test_the_parser_of_examples_sees_an_unknown_option() -> None:
    with pytest.raises(Exception, match="--nothing"):
        parse(["models", "list", "--nothing"])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_has_a_sentence(words: tuple[str, ...]) -> None:
    for parameter in COMMANDS[words].params:
        assert parameter.help, parameter.name


@pytest.mark.parametrize("name", ROWS)
def test_the_summary_in_the_table_is_the_commands_own(name: str) -> None:
    own = ROWS[name].load(name).help.split("\n\n")[0]
    assert " ".join(own.split()) == ROWS[name].summary


def test_names_that_are_written_out_are_those_of_the_tables() -> None:
    assert get_args(answers.Colormap) == COLORMAPS
    assert get_args(answers.Fusion) == tuple(FUSIONS)
    assert get_args(collection_projections.MethodName) == tuple(PROJECTION_METHODS)
    (method,) = (one for one in COMMANDS["explain",].params if one.name == "method")
    assert set(method.help.split("such as ")[1].split(";")[0].replace(" or ", " ").replace(",", "").split()) <= set(
        METHODS
    )


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (["models", "list"], 0, "tiny"),
        (["models", "list", "--registry", "/none"], 1, "no registry at /none"),
        (["models", "verify", "none.safetensors"], 1, "cannot read none.safetensors"),
        (["models", "show", "none"], 2, "there is no model 'none': there are tiny"),
        (["models", "list", "--nothing"], 2, "No such option"),
        (["explain", str(ROOT / "samples" / "retina.jpg"), "--method", "none"], 2, "gradcam"),
        (["explain", str(ROOT / "samples" / "retina.jpg"), "--out", "map.gif"], 2, "name a .png or"),
        (["collections", "show", "none"], 2, "no collection 'none'"),
        (["train", "/none", "--name", "x"], 2, "neither fundus nor glaucoma nor a folder"),
    ],
)
def test_exit_codes(
    registry: Path, tmp_path: Path, words: list[str], exit_code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    assert result.exit_code == exit_code, f"{result.output}\n{result.exception!r}"
    assert says in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_a_file_that_cannot_be_written_is_named(registry: Path, tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    Image.fromarray(np.full((20, 20, 3), 99, np.uint8)).save(image)
    result = CliRunner().invoke(app, ["explain", str(image), "--out", str(tmp_path / "nowhere" / "map.png")])
    assert result.exit_code == 1
    assert "nowhere/map.png: No such file or directory" in result.output.replace("\n", "")


@pytest.mark.heavy
def test_a_refused_image_ends_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEA_ENGINE", "torch")
    monkeypatch.setenv("FOVEA_DATA_DIR", str(tmp_path))
    image = tmp_path / "white.png"
    Image.fromarray(np.full((300, 300, 3), 255, np.uint8)).save(image)
    result = CliRunner().invoke(app, ["predict", str(image), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["status"] == "refused"
    assert "ungradable; surround 1 (at most 0.4), warm 0 (at least 0.7)" in result.stderr


def folder_of(root: Path, labels: tuple[str, ...]) -> Path:
    random = np.random.default_rng(0)
    for label in labels:
        (root / label).mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
            Image.fromarray(np.eye(16, dtype=np.uint8) * 255).save(root / label / f"{number}.[a] b.mask.png")
    return root


@pytest.mark.heavy
@pytest.mark.parametrize(
    "words",
    [
        ["models", "show", "tiny"],
        ["evaluate", "errors", "FOLDER"],
        ["evaluate", "bias", "FOLDER", "--mask", "[a] b"],
        ["evaluate", "dissection", "FOLDER"],
        ["evaluate", "top-activations", "FOLDER"],
        ["predict", "FOLDER/[x] left/1.png"],
        ["explain", "FOLDER/[x] left/1.png", "--target", "[x] left", "--out", "map.png"],
        ["collections", "import", "FOLDER", "--name", "set"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_square_brackets_in_a_name_are_printed(
    registry: Path, tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rich takes them for markup: `[x] left` became ` left`."""
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "FOLDER", ("[x] left", "ill"))
    (tmp_path / "FOLDER" / "ill" / "[b] no image.png").write_bytes(b"no image") if words[1] == "import" else None
    result = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    expected = {"dissection": "[a] b", "import": "[b] no image.png"}.get(words[1], "[x] left")
    assert expected in result.output
