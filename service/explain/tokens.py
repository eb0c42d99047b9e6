"""Tokens as a feature map: the patches of a transformer have positions, its class token has none."""

from __future__ import annotations

from math import gcd, isqrt, prod

import torch
from torch import Tensor, nn

from service.errors import DoesNotApply

MAX_PREFIX = 8
"""Tokens without a position at most: a class token, one for distillation, and registers."""


class TokenHead(nn.Module):
    """A head for tokens, called with their grid: A [B, D, h, w] -> logits [B, K].

    head: [B, P + h·w, D] -> logits. prefix [1 or B, P, D]: the tokens of the image without a position, unchanged.
    """

    prefix: Tensor

    def __init__(self, head: nn.Module, prefix: Tensor) -> None:
        super().__init__()
        self.head = head
        self.register_buffer("prefix", prefix.detach())

    def forward(self, A: Tensor) -> Tensor:
        """Flatten the grid to tokens and run the head."""
        logits: Tensor = self.head(torch.cat([self.prefix.expand(len(A), -1, -1), A.flatten(2).mT], dim=1))
        return logits


def spatial(A: Tensor, head: nn.Module, image: tuple[int, int]) -> tuple[Tensor, nn.Module]:
    """Feature maps [N, C, h, w] and the head behind them, whether the network computes feature maps or tokens.

    A: [N, C, h, w], returned unchanged, or tokens [N, L, D]: the last of them are the image's patches, row by row, and
    become [N, D, h, w]; those before them (a class token) become a part of the head. image: height and width of the
    network's input. Raises DoesNotApply where the tokens are no grid of patches.
    """
    if A.dim() != 3:
        return A, head
    rows, columns = token_grid(A.shape[1], image)
    first = A.shape[1] - rows * columns
    grid = A[:, first:].mT.reshape(len(A), -1, rows, columns)  # (N, D, h, w)
    return grid, TokenHead(head, A[:, :first])


def token_grid(tokens: int, image: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the square patches of an image, of which there is one token each.

    Of a square image, as many rows as columns. Of another, the grid of patches that fill it exactly; where there is
    none, the only grid with patches cut off or padded at the edge. At most MAX_PREFIX tokens lie in front of a grid.
    Raises DoesNotApply where no grid fits, or several that do not fill the image.
    """
    height, width = image
    if height == width:
        side = isqrt(tokens)
        if tokens - side * side > MAX_PREFIX:
            raise _unclear(tokens, image)
        return side, side
    exact = {
        (height // side, width // side) for side in range(1, gcd(*image) + 1) if height % side == 0 == width % side
    }
    if fitting := _fitting(exact, tokens):
        return max(fitting, key=prod)
    cut = {(height // side, width // side) for side in range(1, min(image) + 1)}
    padded = {(-(-height // side), -(-width // side)) for side in range(1, max(image) + 1)}
    fitting = _fitting(cut | padded, tokens)
    if len(fitting) != 1:
        raise _unclear(tokens, image)
    return fitting.pop()


def _unclear(tokens: int, image: tuple[int, int]) -> DoesNotApply:
    height, width = image
    return DoesNotApply(
        f"which patch of an image of {height} x {width} pixels each of the {tokens} tokens of this layer stands for"
        " cannot be told; name another layer, or let the entry's frame give a square or a multiple of the patches"
    )


def _fitting(grids: set[tuple[int, int]], tokens: int) -> set[tuple[int, int]]:
    return {grid for grid in grids if 0 <= tokens - prod(grid) <= MAX_PREFIX}
