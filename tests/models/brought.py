"""A classifier of any network, as the registry would build it, without files."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from service.models.architecture import unwrapped
from service.models.classifier import Classifier
from service.models.entry import Entry
from tests.models.structures import CLASSES, SIZE, drawn

CARD = {"intended_use": "tests", "do_not_use": "anything else", "training_data": "none", "licence": "Apache-2.0"}
Build = Callable[[], nn.Module]


def entry(size: int = SIZE, **more: Any) -> Entry:
    """The entry of a network that `brought:build` builds."""
    fields: dict[str, Any] = {
        "name": "mine",
        "architecture": "brought:build",
        "weights": "mine.safetensors",
        "sha256": "0" * 64,
        "labels": [f"class {index}" for index in range(CLASSES)],
        "frame": {"resize": size, "crop": size},
        "card": CARD,
    }
    return Entry.model_validate(fields | more)


def classifier(
    monkeypatch: pytest.MonkeyPatch, build: Build, size: int = SIZE, engine: str = "torch", **more: Any
) -> tuple[nn.Module, Classifier]:
    """A network and the classifier of it: built with other weights, which are then replaced by the network's own."""
    monkeypatch.setitem(sys.modules, "brought", types.SimpleNamespace(build=lambda: drawn(build, seed=1)))
    model = unwrapped(drawn(build))
    return model, Classifier.build(entry(size, **more), model.state_dict(), "0" * 64, engine)
