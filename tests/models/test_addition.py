"""A model is added whole or not at all, and what is missing is listed at once."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from service.errors import BadParameter, RegistryError, WeightsError
from service.models import addition as module
from service.models.addition import Added, Addition, Incomplete, add_model
from service.models.catalogue import parse
from service.models.registry import Registry
from service.models.weights import digest
from tests.models import tiny

CARD = {"intended_use": "tests", "do_not_use": "anything else", "training_data": "none", "licence": "Apache-2.0"}
FIELDS: dict[str, Any] = {
    "architecture": "tests.models.tiny:network",
    "labels": ["healthy", "ill"],
    "frame": {"resize": 16, "crop": 16},
    "card": CARD,
}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_file(tiny.weights(), tmp_path / "best.safetensors")
    return tmp_path / "best.safetensors"


def added(folder: Path, source: Path, name: str = "mine", **more: Any) -> Added:
    """The model added to the registry `folder`/models. more: fields of the entry, or of the addition."""
    others = {key: more.pop(key) for key in ("key", "half", "default", "force") if key in more}
    addition = Addition(source, name, {**FIELDS, **more}, **others)
    return add_model(addition, tiny.settings(folder / "models", data_dir=folder / "data"))


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder and its content."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_an_entry_is_complete_and_serves(tmp_path: Path, weights: Path) -> None:
    result = added(tmp_path, weights, version="2.0.0", temperature=1.5)
    folder = tmp_path / "models"
    assert result.file == folder / "mine.toml"
    assert {file.name for file in folder.iterdir()} == {"mine.toml", result.entry.weights}
    assert digest(folder / result.entry.weights) == digest(weights) == result.entry.sha256
    models = Registry(tiny.settings(folder))
    classifier = models.load()
    assert classifier.entry == result.entry
    assert (classifier.entry.version, classifier.entry.temperature) == ("2.0.0", 1.5)
    x = torch.rand(2, 3, 16, 16)
    network = tiny.network().eval()
    network.load_state_dict(tiny.weights())
    torch.testing.assert_close(classifier.forward(x), network(x).detach())


def saved(folder: Path, content: Any) -> Path:
    torch.save(content, folder / "best.pth")
    return folder / "best.pth"


def test_a_checkpoint_of_a_training_script_is_converted(tmp_path: Path) -> None:
    state = {f"module.{name}": value for name, value in tiny.weights().items()}
    ema = {f"module.{name}": value for name, value in tiny.weights(1).items()}
    source = saved(tmp_path, {"epoch": 3, "state_dict": state, "state_dict_ema": ema, "optimizer": {}})
    result = added(tmp_path, source)
    assert result.checkpoint is not None
    assert (result.checkpoint.key, result.checkpoint.others) == ("state_dict", ("state_dict_ema",))
    averaged = added(tmp_path, source, "averaged", key="state_dict_ema")
    assert averaged.entry.sha256 != result.entry.sha256
    assert averaged.status.classifier is not None


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_half_precision(kind: str, tmp_path: Path, weights: Path) -> None:
    source = weights if kind == "safetensors" else saved(tmp_path, tiny.weights())
    whole, half = added(tmp_path, source), added(tmp_path, source, "half", half=True)
    sizes = [(tmp_path / "models" / one.entry.weights).stat().st_size for one in (whole, half)]
    assert sizes[1] < sizes[0]


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(Incomplete) as caught:
        added(tmp_path, weights, "NO NAME", architecture=None, labels=None, frame=None, card={"licence": ""})
    assert dict(caught.value.faults).keys() == {
        "name",
        "architecture",
        "labels",
        "card.intended_use",
        "card.do_not_use",
        "card.training_data",
        "card.licence",
    }
    assert not (tmp_path / "models").exists()


def test_fields_that_do_not_fit_each_other_are_named_beside_missing_ones(tmp_path: Path, weights: Path) -> None:
    card = {field: text for field, text in CARD.items() if field != "licence"}
    with pytest.raises(Incomplete) as caught:
        added(tmp_path, weights, labels=["ill"], card=card)
    assert [field for field, _ in caught.value.faults] == ["card.licence", "activation"]


def test_how_images_were_prepared_is_asked_where_nobody_knows(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(Incomplete, match="how images were prepared in training is required") as caught:
        added(tmp_path, weights, frame=None)
    assert [field for field, _ in caught.value.faults] == ["frame"]


FAULTS: dict[str, dict[str, Any]] = {
    "another number of classes": {"labels": ["a", "b", "c"]},
    "another network": {"architecture": "resnet18"},
    "no such function": {"architecture": "tests.models.tiny:nothing"},
    "stages that are not the network": {"stages": ["0", "5"]},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_load_leaves_nothing(fault: str, tmp_path: Path, weights: Path) -> None:
    with pytest.raises(RegistryError, match="model 'mine' failed to load"):
        added(tmp_path, weights, **FAULTS[fault])
    assert not (tmp_path / "models").exists()
    added(tmp_path, weights, "other")
    before = content(tmp_path / "models")
    with pytest.raises(RegistryError):
        added(tmp_path, weights, **FAULTS[fault])
    with pytest.raises(RegistryError):
        added(tmp_path, weights, "other", force=True, **FAULTS[fault])
    assert content(tmp_path / "models") == before


@pytest.mark.parametrize("data", [b"<!doctype html>", b"version https://git-lfs.github.com/spec/v1", b""])
def test_what_is_no_weights_file_leaves_nothing(data: bytes, tmp_path: Path) -> None:
    for name in ("best.pth", "best.safetensors"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises((WeightsError, RegistryError)):
            added(tmp_path, tmp_path / name)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("step", ["link", "rename"])
@pytest.mark.parametrize("force", [False, True])
def test_a_disk_that_fails_leaves_what_was(
    step: str, force: bool, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last two steps: weights and entry are put in place."""
    added(tmp_path, weights, "other")
    if force:
        added(tmp_path, weights)
    before = content(tmp_path / "models")
    save_file(tiny.weights(3), weights)
    replace = Path.replace

    def fails(path: Path, target: Path) -> Path:
        suffix = ".safetensors" if step == "rename" else ".toml"
        if path.suffix == suffix and target.parent.name == "models":
            raise OSError(28, "No space left on device", str(target))
        return replace(path, target)

    def no_link(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", fails)
    monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(OSError, match="No space left"):
        added(tmp_path, weights, force=force)
    assert content(tmp_path / "models") == before


def test_a_model_is_replaced_only_with_force(tmp_path: Path, weights: Path) -> None:
    first = added(tmp_path, weights)
    before = content(tmp_path / "models")
    save_file(tiny.weights(1), weights)
    with pytest.raises(BadParameter, match=r"exists already.*--force"):
        added(tmp_path, weights)
    assert content(tmp_path / "models") == before
    second = added(tmp_path, weights, force=True)
    assert second.entry.sha256 != first.entry.sha256
    assert set(content(tmp_path / "models")) == {"mine.toml", second.entry.weights}


def test_weights_that_another_entry_uses_stay(tmp_path: Path, weights: Path) -> None:
    first = added(tmp_path, weights)
    folder = tmp_path / "models"
    (folder / "twin.toml").write_text((folder / "mine.toml").read_text().replace("models.mine", "models.twin"))
    save_file(tiny.weights(1), weights)
    added(tmp_path, weights, force=True)
    assert (folder / first.entry.weights).exists()
    assert Registry(tiny.settings(folder)).examine("twin").state == "ready"


def test_somebody_elses_entry_is_never_overwritten(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that add the same name at the same time: the second one finds the first one's entry at the last moment."""
    put = module._put_in_place

    def late(stage: Path, folder: Path, entry: Any, force: bool) -> None:
        (folder / "mine.toml").write_text("# of somebody else")
        put(stage, folder, entry, force)

    monkeypatch.setattr(module, "_put_in_place", late)
    with pytest.raises(BadParameter, match="has just been written by somebody else"):
        added(tmp_path, weights)
    assert content(tmp_path / "models") == {"mine.toml": b"# of somebody else"}


def test_a_registry_of_one_file_is_refused_with_the_remedy(tmp_path: Path, weights: Path) -> None:
    file = tmp_path / "models.toml"
    for text in (None, 'default = "a"'):
        if text:
            file.write_text(text)
        with pytest.raises(BadParameter, match=r"mkdir models && mv models\.toml models/"):
            add_model(Addition(weights, "mine", FIELDS), tiny.settings(file, data_dir=tmp_path / "data"))
    assert file.read_text() == text


def test_a_model_described_elsewhere_is_not_described_twice(tmp_path: Path, weights: Path) -> None:
    added(tmp_path, weights)
    folder = tmp_path / "models"
    (folder / "mine.toml").rename(folder / "several.toml")
    for force in (False, True):
        with pytest.raises(BadParameter, match=r"described in .*several\.toml already"):
            added(tmp_path, weights, force=force)
    text = (folder / "several.toml").read_text()
    (folder / "several.toml").unlink()
    (folder / "mine.toml").write_text(text + text.replace("models.mine", "models.more"))
    with pytest.raises(BadParameter, match="describes more as well"):
        added(tmp_path, weights, force=True)


def test_the_default_is_named_once_and_kept(tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "models"
    added(tmp_path, weights)
    added(tmp_path, weights, "second", default=True)
    assert parse(folder).default == "second"
    with pytest.raises(BadParameter, match="'second' is the default already"):
        added(tmp_path, weights, "third", default=True)
    added(tmp_path, weights, "second", force=True, version="2.0.0")
    assert tomllib.loads((folder / "second.toml").read_text())["default"] == "second"
    assert parse(folder).records["second"].entry.version == "2.0.0"  # type: ignore[union-attr]
