"""Tokens as a map: a transformer's patches have places, its class token has none."""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor, nn


class TokenHead(nn.Module):
    """A head behind tokens as a head behind their grid: A [B, D, h, w] -> logits [B, K].

    head: [B, P + h·w, D] -> logits. prefix [1 or B, P, D]: the image's tokens without a place, kept as they are.
    """

    prefix: Tensor

    def __init__(self, head: nn.Module, prefix: Tensor) -> None:
        super().__init__()
        self.head = head
        self.register_buffer("prefix", prefix.detach())

    def forward(self, A: Tensor) -> Tensor:
        """Put the tokens back in line and run the head."""
        logits: Tensor = self.head(torch.cat([self.prefix.expand(len(A), -1, -1), A.flatten(2).mT], dim=1))
        return logits


def spatial(A: Tensor, head: nn.Module) -> tuple[Tensor, nn.Module]:
    """Feature maps and the head behind them, for maps as they are and for tokens laid out as their grid.

    A: [N, C, h, w], returned as it is, or tokens [N, L, D] of a square image: the last ⌊√L⌋² of them are its patches,
    row by row, and become [N, D, h, w]; those before them (a class token) stay with the head.
    """
    if A.dim() != 3:
        return A, head
    side = isqrt(A.shape[1])
    first = A.shape[1] - side * side
    grid = A[:, first:].mT.reshape(len(A), -1, side, side)  # (N, D, h, w)
    return grid, TokenHead(head, A[:, :first])
