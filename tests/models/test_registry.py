from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from service.errors import ModelUnavailable, UnknownName
from service.models.architecture import architecture
from service.models.catalogue import parse
from service.models.registry import Registry
from service.models.weights import save
from service.settings import SHIPPED_REGISTRY
from tests.models.tiny import CARD, ENTRY, add, settings, weights


def registry(folder: Path) -> Registry:
    return Registry(settings(folder))


def test_states_from_first_look_to_ready(tmp_path: Path) -> None:
    sha256 = add(tmp_path, "tiny")
    models = registry(tmp_path)
    assert models.names == ("tiny",)
    assert models.default == "tiny"
    assert models.state() == "loading"
    with pytest.raises(ModelUnavailable, match="still loading") as caught:
        models.get()
    assert caught.value.retry_after < 10
    models.load_all().join()
    assert models.state() == "ready"
    assert models.problem() == ""
    assert models.get() is models.get("tiny") is models.load("tiny")
    assert models.get().weights_sha256 == sha256
    assert models.get().entry is models.entry()


def test_what_is_loaded_is_frozen_and_whole(tmp_path: Path) -> None:
    sha256 = save(weights(), tmp_path / "tiny.safetensors", half=True)
    (tmp_path / "tiny.toml").write_text(ENTRY.format(name="tiny", sha256=sha256, more="") + CARD.format(name="tiny"))
    for stage in registry(tmp_path).load().network.stages:
        assert not stage.module.training
        for parameter in stage.module.parameters():
            assert parameter.dtype == torch.float32
            assert not parameter.requires_grad


def test_unknown_names(tmp_path: Path) -> None:
    add(tmp_path, "a")
    add(tmp_path, "b")
    models = registry(tmp_path)
    for name in ("c", "../a", "", "a\0", "a.toml"):
        for ask in (models.get, models.load, models.state, models.problem, models.entry, models.examine):
            with pytest.raises(UnknownName, match="there are a, b"):
                ask(name)
    with pytest.raises(UnknownName, match="no default model: name one of a, b"):
        models.get()


Break = Callable[[Path], None]
"""Does harm to the model `mine` in a registry folder."""


def break_toml(folder: Path) -> None:
    (folder / "mine.toml").write_text("[models.mine")


def break_field(folder: Path) -> None:
    (folder / "mine.toml").write_text((folder / "mine.toml").read_text().replace("resize = 16", "resize = 0"))


def break_digest(folder: Path) -> None:
    save(weights(1), folder / "mine.safetensors")


def break_labels(folder: Path) -> None:
    file = folder / "mine.toml"
    file.write_text(file.read_text().replace('"ill"', '"ill", "worse"'))


def break_builder(folder: Path) -> None:
    file = folder / "mine.toml"
    file.write_text(file.read_text().replace("tests.models.tiny:network", "tests.models.none:network"))


def break_arguments(folder: Path) -> None:
    file = folder / "mine.toml"
    file.write_text(file.read_text().replace("labels =", "arguments = { classes = -1 }\nlabels ="))


def break_stages(folder: Path) -> None:
    file = folder / "mine.toml"
    file.write_text(file.read_text().replace("labels =", 'stages = ["0", "nine"]\nlabels ='))


def break_names(folder: Path) -> None:
    state = weights()
    state["6.weight"] = state.pop("5.weight")
    sha256 = save(state, folder / "mine.safetensors")
    (folder / "mine.toml").write_text(ENTRY.format(name="mine", sha256=sha256, more="") + CARD.format(name="mine"))


def break_shapes(folder: Path) -> None:
    sha256 = save(weights(classes=3), folder / "mine.safetensors")
    (folder / "mine.toml").write_text(ENTRY.format(name="mine", sha256=sha256, more="") + CARD.format(name="mine"))


def take_weights_away(folder: Path) -> None:
    (folder / "mine.safetensors").unlink()


BREAKS: dict[Break, str] = {
    break_toml: "cannot be read as TOML",
    break_field: "field frame.resize: must be at least 1",
    break_digest: "is what was promised",
    break_labels: "3 labels",
    break_builder: "cannot be built",
    break_arguments: "mine",
    break_stages: "'nine' is no submodule",
    break_names: "unexpected 6.weight",
    break_shapes: r"5.weight is \(3, 4\), the architecture has \(2, 4\)",
}


@pytest.mark.parametrize(("break_it", "problem"), BREAKS.items(), ids=lambda item: getattr(item, "__name__", ""))
def test_a_broken_model_never_stops_the_others(break_it: Break, problem: str, tmp_path: Path) -> None:
    for name in ("good", "mine", "zoe"):
        add(tmp_path, name)
    break_it(tmp_path)
    models = registry(tmp_path)
    models.load_all().join()
    assert [models.state(name) for name in ("good", "mine", "zoe")] == ["ready", "failed", "ready"]
    with pytest.raises(ModelUnavailable, match=problem):
        models.get("mine")
    assert "mine" in models.problem("mine")


def test_an_architecture_that_raises_anything_is_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rude_architecture.py").write_text("def build():\n    raise ArithmeticError('no mood')\n")
    monkeypatch.syspath_prepend(tmp_path)
    add(tmp_path, "mine")
    text = (tmp_path / "mine.toml").read_text().replace("tests.models.tiny:network", "rude_architecture:build")
    (tmp_path / "mine.toml").write_text(text)
    models = registry(tmp_path)
    with pytest.raises(ModelUnavailable, match="ArithmeticError: no mood"):
        models.load()
    assert models.state() == "failed"


OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Flatten(1)
        self.judge = nn.Linear(width, 2)

    def forward(self, x):
        return self.judge(self.flat(self.pool(self.look(x))))

def build(width=8):
    return Net(width)
"""


@pytest.mark.parametrize("stages", ["", 'stages = ["look.0", "look.1", "pool", "flat", "judge"]'])
def test_a_users_own_model(stages: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_network.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    from own_network import build  # type: ignore[import-not-found]

    torch.manual_seed(0)
    network = build(width=6).eval()
    sha256 = save(network.state_dict(), tmp_path / "own.safetensors")
    text = ENTRY.format(name="own", sha256=sha256, more=f"arguments = {{ width = 6 }}\n{stages}")
    (tmp_path / "own.toml").write_text(
        text.replace("tests.models.tiny:network", "own_network:build") + CARD.format(name="own")
    )
    models = registry(tmp_path)
    models.load_all().join()
    assert models.state("own") == "ready", models.problem("own")
    classifier = models.get("own")
    x = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(classifier.forward(x), network(x))
    assert classifier.cut == ("look.1" if stages else "look")


def test_missing_weights_say_what_mends_it_and_are_found_when_they_come(tmp_path: Path) -> None:
    add(tmp_path, "tiny")
    (tmp_path / "tiny.safetensors").rename(tmp_path / "elsewhere")
    models = registry(tmp_path)
    models.load_all().join()
    assert models.state() == "missing"
    with pytest.raises(ModelUnavailable, match=r"lacks its weights file tiny\.safetensors; put it beside tiny\.toml"):
        models.get()
    with pytest.raises(ModelUnavailable, match="lacks its weights file"):
        models.load()
    (tmp_path / "elsewhere").rename(tmp_path / "tiny.safetensors")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            assert models.get().entry.name == "tiny"
        except ModelUnavailable as error:
            assert "still loading" in str(error)  # noqa: PT017
            time.sleep(0.01)
        else:
            break
    assert models.state() == "ready"


def test_many_threads_load_a_model_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path, "tiny")
    models = registry(tmp_path)
    reads: list[Path] = []
    from service.models import loader as module

    whole_read = module.read
    monkeypatch.setattr(module, "read", lambda path, sha256: (reads.append(path), whole_read(path, sha256))[1])
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(models.load())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1
    assert len(found) == 8
    assert len({id(classifier) for classifier in found}) == 1


def test_close_ends_the_background_load(tmp_path: Path) -> None:
    add(tmp_path, "tiny")
    models = registry(tmp_path)
    models.close()
    models.load_all().join()
    assert models.state() == "loading"


def test_examine_changes_nothing(tmp_path: Path) -> None:
    sha256 = add(tmp_path, "tiny")
    models = registry(tmp_path)
    examined = models.examine("tiny")
    assert examined.state == "ready"
    assert examined.classifier is not None
    assert examined.classifier.weights_sha256 == sha256
    assert models.state("tiny") == "loading"


@pytest.mark.heavy
def test_swaps_under_load_never_mix(tmp_path: Path) -> None:
    """Whatever classifier a reader gets, its digest is the digest of the weights it really carries."""
    bias = {add(tmp_path, "mine", seed=seed): weights(seed)["5.bias"] for seed in (1, 2)}
    assert len(bias) == 2
    models = registry(tmp_path)
    models.load()
    stop, mixed, seen = threading.Event(), [], set()

    def ask() -> None:
        while not stop.is_set():
            classifier = models.get()
            carried = classifier.network.stages[-1].module.bias
            seen.add(classifier.weights_sha256)
            if not torch.equal(carried, bias[classifier.weights_sha256]):
                mixed.append(classifier.weights_sha256)
            if classifier.entry.sha256 != classifier.weights_sha256:
                mixed.append("entry")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for swap in range(20):
        sha256 = add(tmp_path, "mine", seed=1 + swap % 2)
        assert models.reload().changed == ("mine",)
        assert models.get().weights_sha256 == sha256
        time.sleep(0.005)
    stop.set()
    for thread in threads:
        thread.join()
    assert mixed == []
    assert seen == set(bias)


def test_flipped_bytes_are_all_refused_and_the_old_model_stays(tmp_path: Path) -> None:
    sha256 = add(tmp_path, "mine")
    models = registry(tmp_path)
    old = models.load()
    file = tmp_path / "mine.safetensors"
    data = file.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 200)):
        file.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        (failure,) = models.reload().failed
        assert f"but {sha256} is what was promised" in failure.problem
        assert models.get() is old
        with pytest.raises(ModelUnavailable, match="is what was promised"):
            Registry(settings(tmp_path)).load()


IMAGENET = ("resnet18", "densenet121", "resnet101", "alexnet", "vgg16", "googlenet")


@pytest.mark.parametrize("name", IMAGENET)
def test_shipped_imagenet_entries(name: str) -> None:
    record = parse(SHIPPED_REGISTRY).records[f"{name}-imagenet"]
    assert record.problem == ""
    entry = record.entry
    assert entry is not None
    assert entry.is_official
    assert entry.architecture == name
    assert len(entry.labels) == 1000
    assert (entry.frame.resize, entry.frame.crop) == (256, 224)
    assert "non-commercial" in entry.card.licence
    assert "CLINICAL" in entry.card.notice
    assert 0.5 < entry.card.figures["imagenet_top1_accuracy"] < entry.card.figures["imagenet_top5_accuracy"] < 1
    with torch.device("meta"):
        model = architecture(entry)
    assert not any(key.startswith("aux") for key in model.state_dict())


def test_the_shipped_default_is_glaucoma() -> None:
    assert parse(SHIPPED_REGISTRY).default == "glaucoma"
