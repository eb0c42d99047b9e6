"""The feature maps of one image at a layer, unit by unit."""

from __future__ import annotations

import torch

from service.errors import BadParameter, ModelFault
from service.models.classifier import Classifier
from service.runtime.inspection import Inspection
from service.runtime.question import UnitRequest
from service.runtime.results import Activation, Activations

MAX_UNITS = 256
"""Units in one answer."""


def check(classifier: Classifier, layer: str, unit_request: UnitRequest) -> None:
    """Raise UnknownName, DoesNotApply or BadParameter if these units of this layer cannot be shown."""
    shape = classifier.shapes[classifier.with_maps(layer)]
    units = shape[0] if len(shape) == 3 else shape[1]
    unknown = next((unit for unit in unit_request.units if not 0 <= unit < units), None)
    if unknown is not None:
        raise BadParameter(f"layer {layer!r} has no unit {unknown}; its {units} units are 0 to {units - 1}")
    if not 1 <= unit_request.top <= MAX_UNITS or len(unit_request.units) > MAX_UNITS:
        raise BadParameter(f"1 to {MAX_UNITS} units can be asked for at a time")


def activations(inspection: Inspection, unit_request: UnitRequest) -> Activations:
    """The units asked for, in that order; if none is named, those with the largest activation, largest first.

    Tokens are shown as the grid of their patches, without a class token. Raises ModelFault if a value is not finite.
    """
    maps = inspection.feature_maps[0]  # (C, h, w)
    if not bool(torch.isfinite(maps).all()):
        raise ModelFault(f"layer {inspection.layer!r} gave numbers that are not finite for this image")
    units = unit_request.units or tuple(
        maps.amax((1, 2)).argsort(descending=True, stable=True)[: unit_request.top].tolist()
    )
    found = []
    for unit in units:
        grid = maps[unit].numpy().copy()
        found.append(Activation(unit, float(grid.mean()), float(grid.max()), grid))
    channels, height, width = maps.shape
    return Activations(inspection.layer, (channels, height, width), inspection.prepared.geometry.region, tuple(found))
