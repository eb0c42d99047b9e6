"""auto means the fastest engine that is there."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest
import torch

from service.engines import choice
from service.errors import RegistryError


@pytest.mark.parametrize(
    ("asked", "cuda", "installed", "expected"),
    [
        ("auto", True, True, "torch"),
        ("auto", False, True, "openvino"),
        ("auto", False, False, "torch"),
        ("torch", False, True, "torch"),
        ("torch", True, True, "torch"),
        ("openvino", True, True, "openvino"),
    ],
)
def test_choice(monkeypatch: pytest.MonkeyPatch, asked: str, cuda: bool, installed: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(importlib.util, "find_spec", _finding(installed))
    assert choice.choose(asked) == expected


def test_an_engine_that_is_not_there_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", _finding(False))
    with pytest.raises(RegistryError, match="pip install openvino"):
        choice.choose("openvino")


def _finding(installed: bool) -> Callable[[str], object | None]:
    return lambda name: object() if installed or name != "openvino" else None
