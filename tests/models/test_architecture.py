"""What builds a network, what wraps it, and what cannot be served."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from service.errors import RegistryError
from service.models.architecture import architecture, outputs, unwrapped
from tests.models.brought import entry
from tests.models.structures import Plain


def built(monkeypatch: pytest.MonkeyPatch, build: Callable[..., Any], **more: Any) -> nn.Module:
    monkeypatch.setitem(sys.modules, "brought", types.SimpleNamespace(build=build))
    return architecture(entry(**more))


WRAPPED: dict[str, Callable[[], nn.Module]] = {
    "plain": Plain,
    "data-parallel": lambda: nn.DataParallel(Plain()),
    "averaged": lambda: AveragedModel(Plain()),
    "compiled": lambda: torch.compile(Plain()),
    "both": lambda: torch.compile(nn.DataParallel(Plain())),
    "inside": lambda: nn.DataParallel(AveragedModel(torch.compile(Plain()))),
}


@pytest.mark.heavy
@pytest.mark.parametrize("name", WRAPPED)
def test_wrappers_are_opened(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = built(monkeypatch, WRAPPED[name])
    assert type(found) is Plain
    assert found.state_dict().keys() == Plain().state_dict().keys()


def test_compiled_submodules_are_opened() -> None:
    inner = Plain()
    model = unwrapped(nn.Sequential(torch.compile(inner), nn.ReLU()))
    assert model[0] is inner  # type: ignore[index]
    in_place = Plain()
    in_place.compile()
    assert unwrapped(in_place)._compiled_call_impl is None


def scripted() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(Plain())


def raises(error: Exception) -> Callable[..., Any]:
    def build() -> None:
        raise error

    return build


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (scripted, "a TorchScript module, which has no Python forward.*convert its state dict"),
        (lambda: "resnet", "gives a str, not a torch.nn.Module"),
        (lambda size: Plain(), "missing 1 required positional argument: 'size'"),
        (raises(ValueError("no such backbone")), "cannot be built: ValueError: no such backbone"),
        (lambda: torch.zeros(-1), "cannot be built: a RuntimeError within PyTorch, which the log has"),
    ],
)
def test_what_builds_no_network_is_refused(
    build: Callable[..., Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RegistryError, match=reason):
        built(monkeypatch, build)


def test_a_package_that_is_not_there_is_named_with_the_remedy() -> None:
    with pytest.raises(RegistryError, match="No module named 'nowhere'; install it, or put the folder of nowhere on"):
        architecture(entry(architecture="nowhere.nets:build"))


def test_how_many_logits_labels_need() -> None:
    assert outputs(entry()) == 3
    assert outputs(entry(labels=["no", "yes"], activation="single-logit")) == 1
