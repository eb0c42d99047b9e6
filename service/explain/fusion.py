"""Fuse the maps of several layers: deep layers are specific to the class, shallow layers are precise in position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Fusion = Literal["max", "mean", "product"]

FUSIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda stack: stack.amax(0),
    "mean": lambda stack: stack.mean(0),
    "product": lambda stack: stack.prod(0),
}


def fuse(maps: Sequence[Tensor], fusion: Fusion) -> Tensor:
    """Maps [N, h, w] of the same rows at several resolutions -> [N, H, W] at the finest, each value 0 to 1.

    Each map keeps its positive part and is divided by its maximum (layers differ in scale by orders of magnitude, and
    an empty map stays 0), then enlarged bilinearly. max is used by LayerCAM (Jiang 2021), product keeps what all layers
    agree on, mean is between the two.
    """
    size = (max(M.shape[1] for M in maps), max(M.shape[2] for M in maps))
    return FUSIONS[fusion](torch.stack([_enlarged(M, size) for M in maps]))


def _enlarged(M: Tensor, size: tuple[int, int]) -> Tensor:
    positive = M.relu()
    peak = positive.amax((1, 2), keepdim=True)
    share = torch.where(peak > 0, positive / peak, 0.0)
    return nn.functional.interpolate(share[:, None], size=size, mode="bilinear")[:, 0]
