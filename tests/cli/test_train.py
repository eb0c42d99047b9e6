"""`fovea train` from a folder of images to a model the service loads, and what it says when it cannot."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from service.cli.main import app
from service.cli.training_run import repeatable
from service.models.registry import Registry
from service.models.weights import digest
from service.settings import Settings

QUICK = ("--sizes", "32", "--epochs", "1", "--batch-size", "16", "--precision", "f32", "--threads", "1")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("service.training.report.RESAMPLINGS", 20)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for label, extra in (("dark", 0), ("light", 130)):
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(30):
            pixels = random.integers(0, 120, (36, 40, 3), dtype=np.uint8) + np.uint8(extra)
            Image.fromarray(pixels).save(tmp_path / "images" / label / f"{label}{number}.png")
    return tmp_path / "images"


def fovea(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path, exit_code: int = 0) -> Result:
    words = ["train", *map(str, arguments)]
    monkeypatch.setattr(sys, "argv", ["fovea", *words])
    result = CliRunner().invoke(app, words, env={"COLUMNS": "300", "TERM": "dumb"})
    assert result.exit_code == exit_code, f"{result.output}\n{result.exception!r}"
    return result


def test_a_folder_becomes_a_model_the_service_loads(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    for folder in (out, tmp_path / "again"):
        fovea(monkeypatch, images, "--name", "mine", "--out", folder, "--seed", "7", *QUICK, "--force")
    model = Registry(Settings(registry=out, engine="torch", _env_file=None)).load("mine")
    assert model.entry.labels == ("dark", "light")
    assert model.entry.frame.crop == 32
    command = f"`fovea train {images} --name mine --out {out} --seed 7 --sizes 32 --epochs 1"
    assert command in model.entry.card.training_data
    assert "--threads" not in model.entry.card.training_data
    assert not list(out.glob("*.checkpoint"))
    assert digest(out / "mine.safetensors") == digest(tmp_path / "again" / "mine.safetensors")


def coloured(root: Path, labels: dict[str, int], count: int) -> Path:
    """So many images of each label, brighter by so much."""
    random = np.random.default_rng(1)
    for label, extra in labels.items():
        (root / label).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 80, (32, 32, 3), dtype=np.uint8) + np.uint8(extra)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
    return root


def test_three_classes_of_twenty_images_become_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --epochs: few images are seen more often than many."""
    root = coloured(tmp_path / "images", {"dark": 0, "grey": 80, "light": 160}, 20)
    monkeypatch.setattr("service.cli.training_run.LEAST_STEPS", 60)
    without_epochs = ("--sizes", "32", "--batch-size", "16", "--precision", "f32", "--threads", "1")
    fovea(monkeypatch, root, "--name", "mine", "--out", tmp_path / "out", *without_epochs)
    figures = json.loads((tmp_path / "out" / "mine.report.json").read_text())
    assert figures["held_out_images"] in {8, 9}
    assert float(figures["balanced_accuracy"].split()[0]) > 0.6


def test_a_model_that_learned_nothing_is_not_written_without_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = coloured(tmp_path / "images", {"one": 40, "other": 40}, 30)
    out = tmp_path / "out"
    refused = fovea(monkeypatch, root, "--name", "mine", "--out", out, *QUICK, exit_code=1)
    assert "not written: its balanced accuracy" in refused.output
    assert "is not above chance (0.5000): add images" in refused.output
    assert not (out / "mine.toml").exists()
    fovea(monkeypatch, root, "--name", "mine", "--out", out, *QUICK, "--force")
    assert (out / "mine.toml").exists()


def test_a_class_with_too_few_images_is_named_before_anything_is_decoded(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (images / "rare").mkdir()
    (images / "rare" / "one.png").write_bytes(b"no image")
    result = fovea(monkeypatch, images, "--name", "mine", "--out", tmp_path / "out", *QUICK, exit_code=1)
    assert "class 'rare' has 1 images, too few" in result.output
    assert "Add images to 'rare'" in result.output


def test_one_model_can_start_from_anothers_weights(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    fovea(monkeypatch, images, "--name", "first", "--out", out, *QUICK, "--force")
    first = out / "first.safetensors"
    still = ("--epochs", "0", "--sizes", "32", "--precision", "f32", "--threads", "1", "--batch-size", "16")
    fovea(monkeypatch, images, "--name", "second", "--out", out, "--start-from", first, *still, "--force")
    assert digest(out / "second.safetensors") == digest(first)
    result = fovea(
        monkeypatch, images, "--name", "x", "--architecture", "resnet34", "--start-from", first, *still, exit_code=1
    )
    assert "another architecture than resnet34" in result.output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("--optimizer", "newton"), 2, "there are sgd, momentum, adagrad, rmsprop, adam, adamw, lars"),
        (("--schedule", "wavy"), 2, "there are constant, cosine, one-cycle"),
        (("--precision", "int8"), 2, "there are bf16, f32"),
        (("--sizes", "32,64", "--epochs", "1"), 2, "must be whole numbers, as many of both"),
        (("--architecture", "fasterrcnn_resnet50_fpn"), 2, "no torchvision classifier"),
        (("--architecture", "alexnet"), 1, "the service could not run alexnet"),
        (("--name", "Not A Name"), 1, "fits no registry entry"),
        (("--sample", "nothing.jpg=dark"), 2, "needs FILE=LABEL with a file that exists"),
        (("--batch-size", "500"), 1, "fewer than one batch of 500; use --batch-size 42 or less"),
    ],
)
def test_what_cannot_be_trained_is_said_before_training(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], exit_code: int, says: str
) -> None:
    result = fovea(
        monkeypatch, images, "--name", "mine", "--out", tmp_path / "out", *QUICK, *arguments, exit_code=exit_code
    )
    assert says in result.output
    assert not list((tmp_path / "out").glob("mine.*"))


def test_a_sample_called_wrongly_keeps_the_entry_from_being_written(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, sample = tmp_path / "out", images / "dark" / "dark0.png"
    samples = ("--sample", f"{sample}=dark", "--sample", f"{images / 'light' / 'light0.png'}=dark")
    result = fovea(monkeypatch, images, "--name", "mine", "--out", out, *QUICK, *samples, "--epochs", "6", exit_code=1)
    assert "not written: light0.png is dark, and was called light" in result.output
    assert not (out / "mine.toml").exists()
    fovea(monkeypatch, images, "--name", "mine", "--out", out, *QUICK, *samples, "--epochs", "6", "--force")
    assert (out / "mine.toml").exists()


def test_a_source_that_is_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = fovea(monkeypatch, tmp_path / "nowhere", "--name", "mine", "--out", tmp_path, *QUICK, exit_code=2)
    assert "neither fundus nor glaucoma nor a folder" in result.output


def test_the_command_in_a_card_leaves_out_what_decides_nothing() -> None:
    given = ["train", "fundus", "--cache", "/here", "--threads=2", "--seed", "3", "--cache=/there", "--force", "--x"]
    assert repeatable(given) == "fovea train fundus --seed 3 --x"
