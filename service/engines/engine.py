"""Who computes the expensive half: feature maps for a batch of images."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Engine(Protocol):
    """One network on one device. Safe to call from any thread; one call at a time is fastest."""

    name: str
    """torch, or another engine's name, as reported in every answer."""

    precision: str
    """f32 or bf16."""

    def features(self, x: Tensor, cut: str) -> Tensor:
        """x uint8 [N, H, W, 3] -> A float32 [N, C, h, w] on the CPU, without gradient."""
