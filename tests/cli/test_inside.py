"""The commands that look inside, on small models and small folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from service.cli.main import app
from service.collections.projections import fitting
from service.models.filters import filters, sheet
from tests.models import tiny
from tests.models.zoo import built


@pytest.fixture(autouse=True)
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "zoo"
    folder.mkdir()
    tiny.add(folder, "tiny", seed=3)
    (folder / "default.toml").write_text('default = "tiny"')
    for name, value in {"REGISTRY": folder, "DATA_DIR": tmp_path / "data", "ENGINE": "torch"}.items():
        monkeypatch.setenv(f"FOVEA_{name}", str(value))
    monkeypatch.setenv("COLUMNS", "300")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """36 images of two classes, each with a mask of its brightest square."""
    root, random = tmp_path / "data set", np.random.default_rng(0)
    for label in ("healthy", "ill"):
        (root / label).mkdir(parents=True)
        for i in range(18):
            shade = random.integers(0, 200, 3)
            pixels = np.clip(shade + random.normal(0, 20, (16, 16, 3)), 0, 255).astype(np.uint8)
            mask = np.zeros((16, 16), np.uint8)
            top, left = random.integers(0, 12, 2)
            mask[top : top + 4, left : left + 4] = 255
            pixels[mask > 0] = 255
            Image.fromarray(pixels).save(root / label / f"{i}.png")
            Image.fromarray(mask).save(root / label / f"{i}.square.mask.png")
    return root


def fovea(*arguments: str | Path, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == exit_code, f"{result.output}\n{result.exception!r}"
    return result


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_filters_as_a_picture_and_as_numbers(tmp_path: Path) -> None:
    assert "4 × 3 × 3 × 3 weights" in fovea("models", "filters", "tiny", "--out", tmp_path / "f.png").output
    assert size(tmp_path / "f.png") == (2 * (3 * 8 + 1), 2 * (3 * 8 + 1))
    fovea("models", "filters", "tiny", "--out", tmp_path / "f.npy")
    assert np.array_equal(np.load(tmp_path / "f.npy"), tiny.weights(3)["0.weight"].numpy())
    assert (
        "name a .png or .npy file"
        in fovea("models", "filters", "tiny", "--out", tmp_path / "f.gif", exit_code=2).output
    )
    assert "there is no convolution" in fovea("models", "filters", "tiny", "--layer", "5", exit_code=2).output


@pytest.mark.parametrize(("family", "shape"), [("resnet18", (64, 3, 7, 7)), ("alexnet", (64, 3, 11, 11))])
def test_the_first_layers_of_the_lecture_are_legible(family: str, shape: tuple[int, ...]) -> None:
    """Drawn weights, for neither comes with the package; the picture is eight tiles each way, in colour."""
    if family == "resnet18":
        import torchvision

        from service.models.stages import Network, stages

        network = Network(stages(torchvision.models.resnet18(weights=None).eval()))
    else:
        network = built(family)[1]
    _, weights = filters(network)
    assert weights.shape == shape
    picture = sheet(weights)
    assert picture.shape == (8 * (8 * shape[2] + 1), 8 * (8 * shape[3] + 1), 3)
    first = picture[: 8 * shape[2], : 8 * shape[3]]
    assert first.min() == 0
    assert first.max() == 255
    assert (first[..., 0] != first[..., 2]).any()


def test_activations_of_an_image(tmp_path: Path, data: Path) -> None:
    image = data / "ill" / "0.png"
    shown = json.loads(fovea("models", "activations", "tiny", image, "--unit", "3", "--unit", "0", "--json").stdout)
    told = shown["activations"]
    assert [one["unit"] for one in told["units"]] == [3, 0]
    assert np.array(told["units"][0]["grid"]).shape == tuple(told["shape"][1:])
    fovea("models", "activations", "tiny", image, "--top", "2", "--out", tmp_path / "a.png")
    assert size(tmp_path / "a.png")[0] > 200
    assert "has no unit 9" in fovea("models", "activations", "tiny", image, "--unit", "9", exit_code=2).output


def test_bias_of_a_folder(tmp_path: Path, data: Path) -> None:
    report = json.loads(fovea("evaluate", "bias", data, "--mask", "square", "--json").stdout)
    assert report["images"] == 36
    assert [one["region"] for one in report["classes"][0]["outside"]] == ["mask"]
    output = fovea("evaluate", "bias", data, "--html", tmp_path / "b.html", "--picture", tmp_path / "b.jpg").output
    assert "cannot say: the field of view fills every picture" in output
    assert "There is nothing outside the anatomy to measure" in output
    assert "│ attention" not in output
    assert "No verdict is possible" in (tmp_path / "b.html").read_text()
    assert "has no mask 'disc'" in fovea("evaluate", "bias", data, "--mask", "disc", exit_code=1).output
    assert "does not exist" in fovea("evaluate", "bias", tmp_path / "nowhere", exit_code=2).output
    assert "does not know the classes of generated images" in fovea("evaluate", "bias", exit_code=1).output


def test_dissection_of_a_folder(tmp_path: Path, data: Path) -> None:
    out = ("--html", tmp_path / "d.html", "--picture", tmp_path / "d.jpg")
    report = json.loads(fovea("evaluate", "dissection", data, "--json", *out).stdout)
    assert size(tmp_path / "d.jpg")[0] > 4 * 112
    assert [one["name"] for one in report["concepts"]] == ["square"]
    assert len(report["units"]) == 4
    assert (tmp_path / "d.html").read_text().count("<img") == 16
    assert "units of 2 detect a concept" in fovea("evaluate", "dissection", data).output
    assert "no map to show" in fovea("evaluate", "dissection", data, "--layer", "5", exit_code=2).output


def test_errors_of_a_folder(tmp_path: Path, data: Path) -> None:
    out = ("--html", tmp_path / "e.html", "--picture", tmp_path / "e.png")
    report = json.loads(fovea("evaluate", "errors", data, "--top", "3", "--json", *out).stdout)
    assert size(tmp_path / "e.png")[0] > 4 * 220
    assert report["images"] == 36
    assert len(report["worst"]) == min(3, report["wrong"])
    assert (tmp_path / "e.html").read_text().count("<img") == 4 * len(report["worst"])
    assert "are predicted to be of another class" in fovea("evaluate", "errors", data).output


def test_what_excites_a_unit_in_a_folder(tmp_path: Path, data: Path) -> None:
    report = json.loads(fovea("evaluate", "top-activations", data, "--unit", "2", "--top", "3", "--json").stdout)
    values = [peak["activation"] for peak in report["top_activations"]]
    assert values == sorted(values, reverse=True)
    fovea("evaluate", "top-activations", data, "--html", tmp_path / "x.html", "--picture", tmp_path / "x.jpg")
    wrong = fovea("evaluate", "top-activations", data, "--picture", tmp_path / "x.gif", exit_code=2)
    assert "name a .png or .jpg or .jpeg file" in wrong.output
    assert (tmp_path / "x.html").read_text().count("<img") == 8
    assert "has no unit 7" in fovea("evaluate", "top-activations", data, "--unit", "7", exit_code=2).output


def test_a_map_of_a_collection(tmp_path: Path, data: Path) -> None:
    fovea("collections", "import", data, "--name", "squares")
    result = fovea("collections", "project", "squares", "--method", "pca", "--out", tmp_path / "map.png")
    assert "PCA of squares: 36 images, explains " in result.output
    assert size(tmp_path / "map.png") == (1200, 800)
    told = json.loads(fovea("collections", "project", "squares", "--perplexity", "5", "--json").stdout)
    assert (told["projection"], told["quality"]["perplexity"]) == ("tsne-2d", 5)
    assert "can be at most 11.6" in fovea("collections", "project", "squares", "--perplexity", "30", exit_code=2).output
    assert "no collection" in fovea("collections", "project", "nothing", exit_code=2).output
    assert (
        "name a .png file"
        in fovea("collections", "project", "squares", "--out", tmp_path / "m.gif", exit_code=2).output
    )


def test_masks_of_a_collection(data: Path) -> None:
    """Catches masks of another image, which the folder's command would have taken from beside each."""
    fovea("collections", "import", data, "--name", "masked", "--mask", "square")
    kept = json.loads(fovea("collections", "bias", "masked", "--json").stdout)
    wanted = json.loads(fovea("evaluate", "bias", data, "--mask", "square", "--json").stdout)
    assert np.allclose(kept["anatomy"], wanted["anatomy"], atol=0.01)
    for mine, theirs in zip(kept["classes"], wanted["classes"], strict=True):
        assert mine["outside"][0]["region"] == "mask"
        shares = [(one["outside"][0]["expected"], one["outside"][0]["attention"] or 0) for one in (mine, theirs)]
        assert np.allclose(*shares, atol=0.01)
    wrong = fovea("collections", "import", data, "--name", "others", "--mask", "disc", exit_code=1)
    assert ".disc.mask.png beside it; it has square" in wrong.output.replace("\n", " ")


def test_the_digits_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer rounds than a reader would take."""
    monkeypatch.setattr(fitting, "EARLY_ITERATIONS", 10)
    monkeypatch.setattr(fitting, "ITERATIONS", 10)
    told = json.loads(fovea("evaluate", "digits", "--epochs", "2", "--picture", tmp_path / "d.png", "--json").stdout)
    assert size(tmp_path / "d.png") == (1600, 960)
    assert [one["vectors"] for one in told["projections"]] == ["64 pixels", "64 learned features"]
    assert told["accuracy"] > 0.2
    assert "name a .png file" in fovea("evaluate", "digits", "--picture", tmp_path / "d.jpg", exit_code=2).output
