"""Tokens as a feature map: the patches of a transformer have positions, its class token has none."""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor, nn


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


def spatial(A: Tensor, head: nn.Module) -> tuple[Tensor, nn.Module]:
    """Feature maps [N, C, h, w] and the head behind them, whether the network computes feature maps or tokens.

    A: [N, C, h, w], returned unchanged, or tokens [N, L, D] of a square image: the last ⌊√L⌋² of them are its patches,
    row by row, and become [N, D, h, w]; those before them (a class token) become a part of the head.
    """
    if A.dim() != 3:
        return A, head
    side = isqrt(A.shape[1])
    first = A.shape[1] - side * side
    grid = A[:, first:].mT.reshape(len(A), -1, side, side)  # (N, D, h, w)
    return grid, TokenHead(head, A[:, :first])
