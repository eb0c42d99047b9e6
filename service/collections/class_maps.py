"""The maps of several classes of one image, as collections store them and reports use them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from service.explain.methods import METHODS
from service.models.scores import direction
from service.runtime.inspection import Inspection, MapRequest, compute_maps


def class_maps(inspection: Inspection, classes: Sequence[int]) -> NDArray[np.float32]:
    """The raw signed maps of classes, by index, float32 [n, h, w], at the layer of an inspection.

    HiResCAM: for a pooled linear head the class activation map divided by the number of cells, so that its sum plus the
    bias is the logit.
    """
    targets = torch.stack([direction(index, inspection.classifier.entry) for index in classes])
    return compute_maps(inspection, MapRequest(METHODS["hirescam"], targets, {}, float("inf"))).grids
