"""A registry that changes while it is served: what is new is loaded, what fails leaves the old model in use."""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from service.engines.openvino import OpenVinoEngine
from service.errors import UnknownName
from service.models import loader
from service.models.registry import Registry
from service.models.reloading import Reload
from service.models.weights import save
from tests.models.test_registry import BREAKS, Break, take_weights_away
from tests.models.tiny import add, settings, weights


def served(folder: Path, *names: str) -> Registry:
    for name in names:
        add(folder, name)
    models = Registry(settings(folder))
    models.load_all().join()
    assert all(status.state == "ready" for status in models.now)
    return models


def names(reload: Reload) -> dict[str, tuple[str, ...]]:
    """What a report lists, without the empty lists."""
    parts = {part: getattr(reload, part) for part in ("added", "changed", "removed", "unchanged")}
    failed = {"failed": tuple(failure.name for failure in reload.failed)}
    return {part: found for part, found in (parts | failed).items() if found}


def test_each_model_is_in_one_list_and_only_what_changed_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = served(tmp_path, "gone", "new-weights", "same", "spoilt")
    before = models.now
    sha256 = add(tmp_path, "new-weights", seed=1)
    add(tmp_path, "added", seed=2)
    (tmp_path / "gone.toml").unlink()
    (tmp_path / "spoilt.safetensors").write_bytes(b"spoilt")
    reads: list[str] = []
    whole_read = loader.read
    monkeypatch.setattr(loader, "read", lambda path, sha256: (reads.append(path.stem), whole_read(path, sha256))[1])
    report = models.reload()
    assert names(report) == {
        "added": ("added",),
        "changed": ("new-weights",),
        "removed": ("gone",),
        "failed": ("spoilt",),
        "unchanged": ("same",),
    }
    assert sorted(reads) == ["added", "new-weights", "spoilt"]
    assert models.last_reload is report
    assert models.now.names == ("added", "new-weights", "same", "spoilt")
    assert models.get("new-weights").weights_sha256 == sha256
    for name in ("same", "spoilt"):
        assert models.get(name) is before[name].classifier
    assert models.problem("same") == ""
    assert "spoilt" in models.problem("spoilt")
    with pytest.raises(UnknownName, match="there are added, new-weights, same, spoilt"):
        models.get("gone")
    assert before.names == ("gone", "new-weights", "same", "spoilt")  # who read it before sees no change


def test_what_has_not_changed_is_never_loaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = served(tmp_path, "a", "b")
    monkeypatch.setattr(loader, "read", None)
    assert names(models.reload()) == {"unchanged": ("a", "b")}


@pytest.mark.parametrize("break_it", [*BREAKS, take_weights_away])
def test_a_reload_that_fails_keeps_the_old_classifier(
    break_it: Break, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = served(tmp_path, "mine")
    old = models.get("mine")
    break_it(tmp_path)
    with caplog.at_level(logging.WARNING):
        (failure,) = models.reload().failed
    assert failure.name == "mine"
    assert failure.problem.startswith("the old model stays in use, because the new one failed to load: ")
    assert failure.problem == models.problem("mine")
    assert failure.problem in caplog.text
    assert models.state("mine") == "ready"
    assert models.get("mine") is old
    sha256 = add(tmp_path, "mine", seed=2)
    assert names(models.reload()) == {"changed": ("mine",)}
    assert models.get("mine").weights_sha256 == sha256
    assert models.problem("mine") == ""


def test_an_entry_that_is_put_back_clears_the_problem(tmp_path: Path) -> None:
    models = served(tmp_path, "mine")
    old, text = models.get("mine"), (tmp_path / "mine.toml").read_text()
    (tmp_path / "mine.toml").write_text("[models.mine")
    assert names(models.reload()) == {"failed": ("mine",)}
    (tmp_path / "mine.toml").write_text(text)
    assert names(models.reload()) == {"unchanged": ("mine",)}
    assert models.get("mine") is old
    assert models.problem("mine") == ""


def test_models_of_a_file_that_cannot_be_read_go_on(tmp_path: Path) -> None:
    models = served(tmp_path, "a", "b")
    text = (tmp_path / "a.toml").read_text() + (tmp_path / "b.toml").read_text()
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").unlink()
    (tmp_path / "both.toml").write_text(text)
    assert names(models.reload()) == {"changed": ("a", "b")}
    before = models.now
    for broken in ("[models", "models = 3"):
        (tmp_path / "both.toml").write_text(broken)
        assert names(models.reload()) == {"failed": ("a", "b")}
        assert all(models.get(name) is before[name].classifier for name in ("a", "b"))
        assert "both.toml" in models.problem("a")
    (tmp_path / "both.toml").write_text(text)
    assert names(models.reload()) == {"unchanged": ("a", "b")}


def test_a_registry_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    models = served(tmp_path, "a")
    old = models.get("a")
    (tmp_path / "a.toml").rename(tmp_path / "elsewhere")
    report = models.reload()
    assert "no registry at" in report.problem
    assert names(report) == {"unchanged": ("a",)}
    assert models.get() is old


def test_two_defaults_change_nothing(tmp_path: Path) -> None:
    models = served(tmp_path, "a", "b")
    for name in ("a", "b"):
        file = tmp_path / f"{name}.toml"
        file.write_text(f'default = "{name}"\n' + file.read_text())
    assert "one default model" in models.reload().problem
    assert models.default is None


def test_the_default_changes_once_the_new_one_can_answer(tmp_path: Path) -> None:
    models = served(tmp_path, "a")
    old = models.get()
    add(tmp_path, "b")
    file = tmp_path / "b.toml"
    good = 'default = "b"\n' + file.read_text()
    file.write_text(good.replace("tests.models.tiny:network", "tests.models.tiny:none"))
    report = models.reload()
    assert names(report) == {"failed": ("b",), "unchanged": ("a",)}
    assert report.problem == "model 'a' stays the default, because 'b' is not ready"
    assert models.get() is old
    file.write_text(good)
    assert models.reload().problem == ""
    assert models.default == "b"
    (tmp_path / "b.toml").unlink()
    assert names(models.reload()) == {"removed": ("b",), "unchanged": ("a",)}
    assert models.default == "a"


def test_official_weights_that_are_not_here_are_no_failure(tmp_path: Path) -> None:
    models = served(tmp_path, "a")
    (tmp_path / "official.toml").write_text(
        '[models.official]\narchitecture = "resnet18"\nweights = "torchvision:ResNet18_Weights.IMAGENET1K_V1"\n'
        'labels = "weights"\n[models.official.card]\nintended_use = "x"\ndo_not_use = "x"\ntraining_data = "x"\n'
        'licence = "x"\n'
    )
    assert names(models.reload()) == {"added": ("official",), "unchanged": ("a",)}
    assert models.state("official") == "missing"
    assert names(models.reload()) == {"unchanged": ("a", "official")}


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    models = served(tmp_path, "a")
    sha256 = add(tmp_path, "late")
    (tmp_path / "late.safetensors").unlink()
    assert names(models.reload()) == {"failed": ("late",), "unchanged": ("a",)}
    assert save(weights(), tmp_path / "late.safetensors") == sha256
    assert names(models.reload()) == {"changed": ("late",), "unchanged": ("a",)}


CODE = """
from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.{activation}(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1),
        nn.Linear(4, 2),
    )
"""


def test_changed_code_needs_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python imports a module once: weights for the new code would be computed by the old code."""
    code = tmp_path / "changing_network.py"
    code.write_text(CODE.format(activation="ReLU"))
    monkeypatch.syspath_prepend(tmp_path)
    add(tmp_path, "mine")
    entry = tmp_path / "mine.toml"
    entry.write_text(entry.read_text().replace("tests.models.tiny:network", "changing_network:build"))
    models = served(tmp_path)
    old = models.get()
    code.write_text(CODE.format(activation="SiLU"))
    (failure,) = models.reload().failed
    assert "changing_network has changed since it was imported; restart Fovea" in failure.problem
    assert models.get() is old
    code.write_text(CODE.format(activation="ReLU"))
    assert names(models.reload()) == {"unchanged": ("mine",)}


def test_what_openvino_holds_of_the_old_model_is_freed(tmp_path: Path) -> None:
    """Its objects refer to each other, and are frozen once they are loaded."""
    add(tmp_path, "mine")
    models = Registry(settings(tmp_path, engine="openvino"))
    models.load_all().join()
    engine = models.get().engine
    assert isinstance(engine, OpenVinoEngine)
    freed = [weakref.ref(engine), weakref.ref(engine._pixels), weakref.ref(engine._pixels._compiled.network)]
    del engine
    add(tmp_path, "mine", seed=1)
    models.reload()
    for _ in range(600):
        if not any(one() for one in freed):
            return
        time.sleep(0.05)
    raise AssertionError([one() for one in freed])


def test_the_old_model_is_freed(tmp_path: Path) -> None:
    """Without a pass of the garbage collector, which leaves frozen objects alone."""
    models = served(tmp_path, "mine")
    old = models.get()
    freed = [weakref.ref(old), *(weakref.ref(one) for stage in old.network.stages for one in stage.module.parameters())]
    assert len(freed) > 3
    del old
    gc.disable()
    try:
        add(tmp_path, "mine", seed=1)
        models.reload()
        assert [one() for one in freed] == [None] * len(freed)
    finally:
        gc.enable()


CYCLE = CODE.replace("return nn", "network = nn") + "    network[0].parent = [network]\n    return network\n"


def test_an_old_model_whose_modules_refer_to_each_other_is_freed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was frozen when it was loaded, so only a pass of the garbage collector over everything finds it."""
    (tmp_path / "cyclic_network.py").write_text(CYCLE.format(activation="ReLU"))
    monkeypatch.syspath_prepend(tmp_path)
    add(tmp_path, "mine")
    entry = tmp_path / "mine.toml"
    own = ("tests.models.tiny:network", "cyclic_network:build")
    entry.write_text(entry.read_text().replace(*own))
    models = served(tmp_path)
    freed = [weakref.ref(one) for stage in models.get().network.stages for one in stage.module.parameters()]
    add(tmp_path, "mine", seed=1)
    entry.write_text(entry.read_text().replace(*own))
    assert models.reload().changed == ("mine",)
    for _ in range(600):
        if not any(one() is not None for one in freed):
            return
        time.sleep(0.05)
    raise AssertionError("the old weights are still in memory")


def test_reloads_from_several_threads_take_turns(tmp_path: Path) -> None:
    models = served(tmp_path, "a", "b")
    digests = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            now = models.now
            assert now.names[0] == "a"
            digests.add(now["a"].classifier.weights_sha256)  # type: ignore[union-attr]

    reader = threading.Thread(target=read)
    reader.start()
    expected = {models.get("a").weights_sha256}
    for seed in range(1, 4):
        expected.add(add(tmp_path, "a", seed=seed))
        several = [threading.Thread(target=models.reload) for _ in range(4)]
        for thread in several:
            thread.start()
        for thread in several:
            thread.join()
        time.sleep(0.01)
    stop.set()
    reader.join()
    assert digests <= expected
    assert models.get("a").weights_sha256 in expected


def test_files_tell_of_every_change(tmp_path: Path) -> None:
    models = served(tmp_path, "a")
    seen = [models.files()]
    assert models.files() == seen[0]
    changes: tuple[Callable[[], object], ...] = (
        lambda: add(tmp_path, "a", seed=1),
        (tmp_path / "a.safetensors").unlink,
        lambda: (tmp_path / "new.toml").write_text(""),
        (tmp_path / "new.toml").unlink,
        (tmp_path / "a.toml").unlink,
    )
    for change in changes:
        change()
        seen.append(models.files())
        assert seen[-1] != seen[-2]
