"""Who computes the expensive half: feature maps for a batch of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn


class Engine(Protocol):
    """One network on one device. Safe to call from any thread; one call at a time is fastest."""

    name: str
    """torch, or another engine's name, as reported in every answer."""

    precision: str
    """f32 or bf16."""

    def features(self, x: Tensor, cut: str) -> Tensor:
        """x uint8 [N, H, W, 3] -> A float32 [N, C, h, w] on the CPU, without gradient, in memory of its own."""

    def forward(self, x: Tensor, cut: str) -> Tensor:
        """The same for what is normalised already: x float32 [N, 3, H, W] -> A float32 [N, C, h, w]."""


@dataclass(frozen=True)
class Plan:
    """What every engine is built from.

    features: from a cut's name to the module that computes it. cut: the one asked for most. size: side of the square
    input in pixels. mean, std: of the normalisation, a channel each. threads: for one forward, 0 for every core.
    cache: a folder for what took time to compile, or None. identity: what the weights are, as a digest.
    """

    features: Callable[[str], nn.Module]
    cut: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    threads: int = 0
    cache: Path | None = None
    identity: str = ""
