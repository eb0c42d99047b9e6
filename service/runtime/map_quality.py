"""How far one map of an answer can be trusted: the measures of `service.explain.quality`, for its model and image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from service.explain.method import Deadline
from service.explain.methods import METHODS
from service.explain.quality import PEER_METHODS, QualityInputs, quality
from service.models.scores import probabilities
from service.runtime.inspection import HeadChange, Inspection, MapRequest, compute_maps


def map_quality(
    inspection: Inspection, request: MapRequest, grid: NDArray[np.float32], index: int
) -> dict[str, float | None]:
    """Every measure of `service.explain.quality.MEASURES` for one map.

    request: for one target. grid: its map [h, w]. index: the explained class.
    """
    return quality(quality_inputs(inspection, request, grid, index))


def quality_inputs(inspection: Inspection, request: MapRequest, grid: NDArray[np.float32], index: int) -> QualityInputs:
    """One map and what is needed to measure it. The arguments are those of `map_quality`."""

    def probability(images: Tensor) -> Tensor:
        logits = inspection.run_between_batches(inspection.classifier.forward, images)
        return torch.stack([probabilities(row, inspection.classifier.entry)[index] for row in logits])

    def recompute(change_head: HeadChange) -> Tensor:
        return torch.from_numpy(compute_maps(inspection, request, change_head).grids[0])

    def peer_map(name: str) -> Tensor:
        peer = replace(request, method=METHODS[name], arguments={}, layers=())
        return torch.from_numpy(compute_maps(inspection, peer).grids[0])

    peers = tuple(peer_map(name) for name in PEER_METHODS if name != request.method.name)
    return QualityInputs(
        torch.from_numpy(grid), inspection.x, probability, recompute, peers, Deadline(request.deadline)
    )
