from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import RegistryError
from service.models.catalogue import Catalogue, parse
from service.models.entry import to_toml
from service.settings import SHIPPED_REGISTRY
from tests.models.tiny import add


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    folder = tmp_path / "zoo"
    folder.mkdir()
    add(folder, "good")
    add(folder, "mine")
    return folder


def changed(zoo: Path, old: str, new: str) -> Catalogue:
    """The registry with one change in mine.toml."""
    file = zoo / "mine.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return parse(zoo)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("resize = 16", "resize = 0", "field frame.resize: must be at least 1 (you wrote 0)"),
        ("resize = 16", 'resize = "big"', "field frame.resize: must be a whole number (you wrote 'big')"),
        ("resize = 16", "resze = 16", "field frame.resze: there is no such field; did you mean resize?"),
        ("crop = 16", "crop = 99", "field frame: crop (99) must not be larger than resize (16)"),
        ("licence", "license", "field card.licence: is required"),
        (
            "[models.mine.card]",
            '[[models.mine.guard.limits]]\nmeasure = "coverage"\nmaxmum = 1\nreason = "ungradable"\n[models.mine.card]',
            "field guard.limits.0.maxmum: there is no such field; did you mean maximum?",
        ),
        ("licence", "license", "field card.license: there is no such field; did you mean licence?"),
        ('labels = ["healthy", "ill"]', "", "field labels: is required"),
        ('labels = ["healthy", "ill"]', 'labels = "ill"', "field labels: must be a list (you wrote 'ill')"),
        ('labels = ["healthy", "ill"]', 'labels = ["ill", "ill"]', "field labels: must differ from each other"),
        (
            'labels = ["healthy", "ill"]',
            'labels = ["ill", 3]',
            "field labels.1: must be a text in quotes (you wrote 3)",
        ),
        ('labels = ["healthy", "ill"]', "labels = []", "field labels: must have at least 1 items"),
        ("sha256", "# sha256", "field sha256: is required; `fovea models verify FILE` prints"),
        ('sha256 = "', 'sha256 = "x', "field sha256: must match"),
        ("architecture", 'activation = "relu"\narchitecture', "field activation: must be 'softmax', 'sigmoid' or"),
        ("architecture", "temperature = -1\narchitecture", "field temperature: must be more than 0 (you wrote -1)"),
        ("architecture", "operating_point = 2\narchitecture", "field operating_point: must be at most 1 (you wrote 2)"),
        ("architecture", 'name = "x"\narchitecture', "field name: the heading [models.mine] is the name already"),
        ("mine.safetensors", "mine.pth", "field weights: must be a .safetensors file"),
        ("mine.safetensors", "torchvision:A.B", "field weights: torchvision has no weights 'A.B'"),
    ],
)
def test_errors_name_file_model_and_field(zoo: Path, old: str, new: str, problem: str) -> None:
    catalogue = changed(zoo, old, new)
    assert f"zoo/mine.toml, model 'mine', {problem}" in catalogue.records["mine"].problem
    assert catalogue.records["mine"].entry is None
    assert catalogue.records["good"].entry is not None


def test_a_file_that_is_no_toml_stops_only_itself(zoo: Path) -> None:
    for content in (b"[models.mine", b"\xff\xfe", b"a = 1\na = 2", b"\0"):
        (zoo / "mine.toml").write_bytes(content)
        catalogue = parse(zoo)
        assert catalogue.records["mine"].problem.startswith("zoo/mine.toml cannot be read as TOML: ")
        assert catalogue.records["good"].entry is not None


def test_what_is_out_of_place_is_told(zoo: Path) -> None:
    problem = changed(zoo, "[models.mine]", 'defalt = "mine"\n[models.mine]').records["mine"].problem
    assert problem.startswith("zoo/mine.toml: 'defalt' is out of place")
    assert problem.endswith("did you mean default?")


@pytest.mark.parametrize("content", ["shipped = 1", "models = 3", "models.mine = 3", "default = 3", "[model.mine]"])
def test_other_shapes_are_told(zoo: Path, content: str) -> None:
    (zoo / "mine.toml").write_text(content)
    catalogue = parse(zoo)
    assert catalogue.records["mine"].problem.startswith("zoo/mine.toml")
    assert catalogue.records["good"].entry is not None


def test_the_default_is_the_one_that_is_stated(zoo: Path) -> None:
    assert parse(zoo).default is None
    (zoo / "zz.toml").write_text('default = "mine"')
    assert parse(zoo).default == "mine"
    assert parse(zoo / "good.toml").default == "good"


def test_a_default_that_is_not_there_is_a_failed_model(zoo: Path) -> None:
    (zoo / "zz.toml").write_text('default = "none"')
    catalogue = parse(zoo)
    assert catalogue.default == "none"
    assert "zoo/zz.toml: default names the model 'none'" in catalogue.records["none"].problem


def test_the_shipped_models_may_be_served_beside_ones_own(zoo: Path) -> None:
    shipped = parse(SHIPPED_REGISTRY)
    (zoo / "zz.toml").write_text("shipped = true")
    both = parse(zoo)
    assert both.records.keys() == shipped.records.keys() | {"good", "mine"}
    assert both.default == shipped.default
    (zoo / "zz.toml").write_text('shipped = true\ndefault = "mine"')
    assert parse(zoo).default == "mine"
    (zoo / "zz.toml").write_text((zoo / "mine.toml").read_text().replace("models.mine", "models.vgg16-imagenet"))
    (zoo / "mine.toml").write_text("shipped = true")
    assert "described twice, in zoo/zz.toml and in zoo/vgg16" in parse(zoo).records["vgg16-imagenet"].problem


def test_two_defaults_are_one_too_many(zoo: Path) -> None:
    (zoo / "y.toml").write_text('default = "mine"')
    (zoo / "z.toml").write_text('default = "good"')
    with pytest.raises(RegistryError, match=r"'mine' in zoo/y\.toml, 'good' in zoo/z\.toml"):
        parse(zoo)


def test_one_name_twice_is_served_from_neither(zoo: Path) -> None:
    (zoo / "copy.toml").write_text((zoo / "mine.toml").read_text())
    record = parse(zoo).records["mine"]
    assert record.entry is None
    assert "described twice, in zoo/copy.toml and in zoo/mine.toml" in record.problem


def test_no_registry_at_all(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / "none.toml", Path("/dev/null")):
        with pytest.raises(RegistryError, match="no registry at"):
            parse(path)


ESCAPES = [
    "..",
    "../good",
    "/etc/passwd",
    "a/../../b",
    "..\\\\good",
    "good\\u0000",
    "good\\n",
    "C:good",
    "%2e%2e/good",
    "",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_names_that_try_to_escape_are_no_names(zoo: Path, name: str) -> None:
    (zoo / "mine.toml").write_text((zoo / "mine.toml").read_text().replace("models.mine", f'models."{name}"'))
    catalogue = parse(zoo)
    (escape,) = catalogue.records.keys() - {"good"}
    assert "field name: must match" in catalogue.records[escape].problem
    assert catalogue.records[escape].weights is None


def test_the_weights_lie_beside_the_file_that_names_them(zoo: Path) -> None:
    assert parse(zoo).records["mine"].weights == zoo / "mine.safetensors"
    moved = changed(zoo, '"mine.safetensors"', '"/mnt/mine.safetensors"').records["mine"]
    assert moved.weights == Path("/mnt/mine.safetensors")


def test_an_entry_written_by_us_is_read_back(zoo: Path) -> None:
    entry = parse(zoo).records["mine"].entry
    assert entry is not None
    (zoo / "mine.toml").write_text(to_toml(entry))
    assert parse(zoo).records["mine"].entry == entry
