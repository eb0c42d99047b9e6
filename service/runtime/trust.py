"""How far one map of an answer can be trusted: the figures of `quality`, on the model and image it belongs to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from service.explain.method import Patience
from service.explain.methods import METHODS
from service.explain.quality import PEERS, Trial, quality
from service.models.scores import probabilities
from service.runtime.look import Disturb, Look, Wanted, maps


def trust(look: Look, wanted: Wanted, grid: NDArray[np.float32], index: int) -> dict[str, float | None]:
    """Every measure of `service.explain.quality.MEASURES` for one map.

    wanted: what was asked for, for the one target alone. grid: its map [h, w]. index: the explained class.
    """
    return quality(trial(look, wanted, grid, index))


def trial(look: Look, wanted: Wanted, grid: NDArray[np.float32], index: int) -> Trial:
    """One map with all that it takes to measure it. Arguments are those of `trust`."""

    def chance(images: Tensor) -> Tensor:
        logits = look.in_turn(look.classifier.forward, images)
        return torch.stack([probabilities(row, look.classifier.entry)[index] for row in logits])

    def again(disturb: Disturb) -> Tensor:
        return torch.from_numpy(maps(look, wanted, disturb).grids[0])

    def other(name: str) -> Tensor:
        peer = replace(wanted, method=METHODS[name], arguments={}, fused=())
        return torch.from_numpy(maps(look, peer).grids[0])

    others = tuple(other(name) for name in PEERS if name != wanted.method.name)
    return Trial(torch.from_numpy(grid), look.x, chance, again, others, Patience(wanted.deadline))
