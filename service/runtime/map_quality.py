"""How far one map of an answer can be trusted: the figures of `quality`, on the model and image it belongs to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from service.explain.method import Deadline
from service.explain.methods import METHODS
from service.explain.quality import PEERS, QualityInputs, quality
from service.models.scores import probabilities
from service.runtime.inspection import ChangeHead, Inspection, MapRequest, compute_maps


def map_quality(
    inspection: Inspection, request: MapRequest, grid: NDArray[np.float32], index: int
) -> dict[str, float | None]:
    """Every measure of `service.explain.quality.MEASURES` for one map.

    wanted: what was asked for, for the one target alone. grid: its map [h, w]. index: the explained class.
    """
    return quality(quality_inputs(inspection, request, grid, index))


def quality_inputs(inspection: Inspection, request: MapRequest, grid: NDArray[np.float32], index: int) -> QualityInputs:
    """One map with all that it takes to measure it. Arguments are those of `map_quality`."""

    def chance(images: Tensor) -> Tensor:
        logits = inspection.run_between_batches(inspection.classifier.forward, images)
        return torch.stack([probabilities(row, inspection.classifier.entry)[index] for row in logits])

    def again(disturb: ChangeHead) -> Tensor:
        return torch.from_numpy(compute_maps(inspection, request, disturb).grids[0])

    def other(name: str) -> Tensor:
        peer = replace(request, method=METHODS[name], arguments={}, layers=())
        return torch.from_numpy(compute_maps(inspection, peer).grids[0])

    others = tuple(other(name) for name in PEERS if name != request.method.name)
    return QualityInputs(torch.from_numpy(grid), inspection.x, chance, again, others, Deadline(request.deadline))
