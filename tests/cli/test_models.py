from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from service.cli.main import app
from service.models.official import Official, official
from service.models.weights import digest, read
from tests.models.server import Site, serving
from tests.models.test_pull import TINY, published
from tests.models.tiny import CARD, add, weights


@pytest.fixture(autouse=True)
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with a model that is ready, one that is missing and one that is broken, set by the environment."""
    folder = tmp_path / "zoo"
    folder.mkdir()
    add(folder, "good", more="operating_point = 0.25")
    (folder / "default.toml").write_text('default = "good"')
    (folder / "tiny.toml").write_text(
        TINY.format(weights="torchvision:ResNet18_Weights.IMAGENET1K_V1", sha256="") + CARD.format(name="tiny")
    )
    add(folder, "wrong")
    (folder / "wrong.toml").write_text((folder / "wrong.toml").read_text().replace("resize = 16", "resize = 0"))
    monkeypatch.setenv("FOVEA_REGISTRY", str(folder))
    monkeypatch.setenv("FOVEA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FOVEA_OFFLINE", "false")
    monkeypatch.delenv("FOVEA_WEIGHTS_MIRROR", raising=False)
    return folder


def fovea(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["models", *arguments])
    assert result.exit_code == exit_code, f"{result.output}\n{result.exception!r}"
    return result


def test_list_shows_every_model_and_its_state() -> None:
    output = fovea("list").output
    lines = {line.split("│")[1].strip(): line for line in output.splitlines() if line.startswith("│")}
    assert lines.keys() == {"good (default)", "tiny", "wrong"}
    assert "installed" in lines["good (default)"]
    assert "missing" in lines["tiny"]
    assert "failed" in lines["wrong"]
    assert "`fovea models pull NAME`" in output
    assert "zoo/wrong.toml, model 'wrong', field frame.resize: must be at least 1 (you wrote 0)" in output


def test_list_for_a_program(zoo: Path) -> None:
    listed = json.loads(fovea("list", "--json").stdout)
    assert [(name, row["state"], row["default"]) for name, row in listed.items()] == [
        ("good", "installed", True),
        ("tiny", "missing", False),
        ("wrong", "failed", False),
    ]
    assert listed["good"]["weights_sha256"] == digest(zoo / "good.safetensors")


def test_show(zoo: Path) -> None:
    output = fovea("show", "good", "--layers").output
    for fact in (
        "good 1.0.0 ready",
        digest(zoo / "good.safetensors"),
        "healthy, ill",
        "ill from probability 0.25 on",
        "shorter side to 16 px",
        "Apache-2.0",
        "layer input",
        "4 x 16 x 16",
    ):
        assert fact in output
    assert "layer input" not in fovea("show", "good").output
    assert "run `fovea models pull tiny`" in fovea("show", "tiny").output


def test_show_as_json_and_toml() -> None:
    shown = json.loads(fovea("show", "good", "--json").stdout)
    assert shown["state"] == "installed"
    loaded = json.loads(fovea("show", "good", "--json", "--layers").stdout)
    assert (loaded["state"], loaded["layers"]["0"]) == ("ready", [4, 16, 16])
    assert shown["entry"]["operating_point"] == 0.25
    assert tomllib.loads(fovea("show", "good", "--toml").stdout)["models"]["good"]["operating_point"] == 0.25


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["show", "none"], 2, "there is no model 'none': there are good, tiny, wrong"),
        (["show", "../good"], 2, "there is no model '../good'"),
        (["show", "wrong"], 1, "field frame.resize: must be at least 1"),
        (["list", "--registry", "/none"], 1, "no registry at /none"),
        (["verify", "none.safetensors"], 1, "cannot read none.safetensors"),
        (["pull"], 2, "name the models to fetch, or use --all; there are tiny"),
        (["convert", "none.pth"], 1, "cannot read none.pth"),
    ],
)
def test_errors_are_one_plain_sentence(arguments: list[str], exit_code: int, words: str) -> None:
    result = fovea(*arguments, exit_code=exit_code)
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_verify_all_and_named(zoo: Path) -> None:
    output = fovea("verify", exit_code=1).output
    assert f"good: ready {digest(zoo / 'good.safetensors')}" in output
    assert "wrong: failed" in output
    fovea("verify", "good")
    fovea("verify", "tiny", exit_code=1)
    (zoo / "wrong.toml").unlink()
    fovea("verify")  # what is only missing is no fault unless it was asked for


def test_verify_sees_a_changed_byte(zoo: Path) -> None:
    file = zoo / "good.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\xaa")
    result = fovea("verify", "good", exit_code=1)
    assert f"has sha256 {digest(file)}, but" in result.output


def test_verify_of_a_file_prints_what_to_paste(zoo: Path) -> None:
    file = zoo / "good.safetensors"
    assert f'sha256 = "{digest(file)}"' in fovea("verify", str(file)).output


@pytest.fixture
def published_tiny(monkeypatch: pytest.MonkeyPatch) -> tuple[str, bytes]:
    content = published(weights())
    prefix = hashlib.sha256(content).hexdigest()[:8]
    facts = official("torchvision:ResNet18_Weights.IMAGENET1K_V1")
    fake = Official(f"https://weights.example/models/tiny-{prefix}.pth", prefix, facts.labels, facts.frame)
    monkeypatch.setattr("service.models.pull.official", lambda _: fake)
    return f"tiny-{prefix}.pth", content


def test_pull_from_a_mirror(published_tiny: tuple[str, bytes], tmp_path: Path) -> None:
    name, content = published_tiny
    with serving(Site({name: content})) as site:
        output = fovea("pull", "tiny", "--mirror", site.url).output
        assert "tiny: ready, from" in output
        assert hashlib.sha256(content).hexdigest() in output
        assert "already here; --force fetches it again" in fovea("pull", "--all", "--mirror", site.url).output
        assert len(site.seen) == 1
        fovea("pull", "tiny", "--force", "--mirror", site.url)
        assert len(site.seen) == 2
    assert (tmp_path / "data" / "weights" / "tiny.safetensors").is_file()
    fovea("verify", "tiny")


def test_pull_of_a_wrong_file(published_tiny: tuple[str, bytes]) -> None:
    name, content = published_tiny
    with serving(Site({name: content + b"more"})) as site:
        output = fovea("pull", "tiny", "--mirror", site.url, exit_code=1).output
    assert "was expected; the file was deleted" in output
    assert "missing" in fovea("verify", "tiny", exit_code=1).output


def test_pull_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEA_OFFLINE", "true")
    assert "offline: https://" in fovea("pull", "tiny", exit_code=1).output


def test_pull_of_what_is_local() -> None:
    assert "nothing to fetch" in fovea("pull", "good", exit_code=1).output


def test_convert_then_register(tmp_path: Path) -> None:
    torch.save({"state_dict": weights()}, tmp_path / "mine.pth")
    pasted = tomllib.loads(fovea("convert", str(tmp_path / "mine.pth")).output.split("\n\n")[1])
    assert pasted == {"weights": "mine.safetensors", "sha256": digest(tmp_path / "mine.safetensors")}
    assert read(tmp_path / "mine.safetensors", pasted["sha256"]).keys() == weights().keys()
    fovea("convert", str(tmp_path / "mine.pth"), str(tmp_path / "half.safetensors"), "--half")
    assert (tmp_path / "half.safetensors").stat().st_size < (tmp_path / "mine.safetensors").stat().st_size
