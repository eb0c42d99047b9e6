"""What an engine is: it computes feature maps for a batch of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn


class Engine(Protocol):
    """One network on one device. Thread-safe; one call at a time is fastest."""

    name: str
    """torch or openvino, as in every answer."""

    precision: str
    """f32 or bf16."""

    def features(self, x: Tensor, cut: str) -> Tensor:
        """x uint8 [N, H, W, 3] -> A float32 [N, C, h, w] on the CPU, without gradient, in new memory."""

    def forward(self, x: Tensor, cut: str) -> Tensor:
        """The same for a normalised image: x float32 [N, channels, H, W] -> A float32 [N, C, h, w]."""


@dataclass(frozen=True)
class Plan:
    """What an engine is built from.

    features: from the name of a cut to the module that computes it. cut: the most used one. size: height and width of
    the input in pixels. mean, std, channels: see `Normalisation`. threads: for one forward, 0 for all cores.
    cache: a folder for compiled networks, or None. identity: a digest of the weights and the network.
    """

    features: Callable[[str], nn.Module]
    cut: str
    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    threads: int = 0
    cache: Path | None = None
    identity: str = ""
    channels: tuple[int, ...] = (0, 1, 2)
