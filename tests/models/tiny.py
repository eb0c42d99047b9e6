"""A network small enough to build a thousand times, and registry folders around it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from service.models.weights import save
from service.settings import Settings

CARD = """
[models.{name}.card]
intended_use = "tests"
do_not_use = "anything else"
training_data = "none"
licence = "Apache-2.0"
"""

ENTRY = """
[models.{name}]
architecture = "tests.models.tiny:network"
weights = "{name}.safetensors"
sha256 = "{sha256}"
labels = ["healthy", "ill"]
{more}
[models.{name}.frame]
resize = 16
crop = 16
"""


def network(classes: int = 2) -> nn.Module:
    """x [N, 3, h, w] -> logits [N, classes]."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(1),
        nn.Linear(4, classes),
    )


def weights(seed: int = 0, classes: int = 2) -> dict[str, Tensor]:
    """The state dict of a freshly drawn `network`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return network(classes).state_dict()


def add(folder: Path, name: str, seed: int = 0, more: str = "") -> str:
    """Put a model that works into a registry folder: its weights and its TOML file; gives the weights' sha256."""
    sha256 = save(weights(seed), folder / f"{name}.safetensors")
    (folder / f"{name}.toml").write_text(ENTRY.format(name=name, sha256=sha256, more=more) + CARD.format(name=name))
    return sha256


def settings(folder: Path, **others: object) -> Settings:
    """Settings with the registry in `folder` and the data in `folder`/data, whatever the environment says."""
    return Settings.model_validate(
        {"registry": folder, "data_dir": folder / "data", "offline": False, "weights_mirror": "", "engine": "torch"}
        | others
    )
