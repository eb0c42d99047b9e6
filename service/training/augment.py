"""Small random changes to a batch, so that a network learns the eye and not the camera."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

TURN = math.radians(12)
SCALE = 0.10
SHIFT = 0.05
BRIGHTNESS = 0.20
CONTRAST = 0.20
GAIN = 0.10


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """x float32 [N, 3, H, W] in 0 to 1 -> the same shape and range: mirrored, turned, scaled, shifted, recoloured.

    Everything random comes from `generator`.
    """
    count = len(x)

    def around(spread: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape, generator=generator) * 2 - 1) * spread

    turn, scale = around(TURN), 1 + around(SCALE)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    matrix = torch.stack(
        [
            torch.stack([mirror * scale * turn.cos(), -scale * turn.sin(), around(SHIFT)], 1),
            torch.stack([mirror * scale * turn.sin(), scale * turn.cos(), around(SHIFT)], 1),
        ],
        1,
    )  # (N, 2, 3)
    grid = nn.functional.affine_grid(matrix, list(x.shape), align_corners=False)
    x = nn.functional.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * (1 + around(CONTRAST, 1, 1, 1)) + mean * (1 + around(BRIGHTNESS, 1, 1, 1))
    return (x * (1 + around(GAIN, 3, 1, 1))).clamp(0, 1)
