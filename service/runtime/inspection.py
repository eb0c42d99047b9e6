"""One image looked at by one model, and the maps that methods make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from service.errors import ModelFault
from service.explain.fusion import Fusion, fuse
from service.explain.method import Deadline, Method, Scene
from service.explain.tokens import spatial
from service.images.workers import Prepared
from service.models.classifier import Classifier
from service.models.stages import INPUT

Call = Callable[[Tensor], Tensor]
ChangeHead = Callable[[nn.Module], nn.Module]


@dataclass(frozen=True)
class Inspection:
    """All that one answer is made of. A [1, C, h, w] or tokens [1, L, D]: the image's feature maps after `layer`.

    run_between_batches: makes a call of the engine on its thread, between batches; left out, on the caller's.
    """

    classifier: Classifier
    prepared: Prepared
    layer: str
    A: Tensor
    run_between_batches: Callable[[Call, Tensor], Tensor] = lambda call, x: call(x)

    @property
    def x(self) -> Tensor:
        """The normalised image [1, 3, H, W]."""
        return self.classifier.normalised(torch.from_numpy(self.prepared.x[None]))


@dataclass(frozen=True)
class MapRequest:
    """Which maps to make. target [N, K]: directions in logit space. arguments: the method's own, and `versus`.

    layers: where the maps lie, the inspection's own layer or layers behind it; the maps of several are fused by
    `fusion`. None takes the inspection's own.
    """

    method: Method
    target: Tensor
    arguments: dict[str, object]
    deadline: float
    layers: tuple[str, ...] = ()
    fusion: Fusion = "max"


@dataclass(frozen=True)
class ComputedMaps:
    """grids: float32 [N, h, w], raw and signed. layer: where they lie. done: the share of the work done in time.

    measures: what the method says of its own maps, one number a row.
    """

    grids: NDArray[np.float32]
    layer: str
    done: float
    measures: dict[str, list[float]]


def compute_maps(inspection: Inspection, request: MapRequest, disturb: ChangeHead = lambda head: head) -> ComputedMaps:
    """Every map wanted, from the look's feature maps: layers behind its own cost what lies between.

    disturb: changes the head behind the look's layer, for tests of how much a map owes to it. Raises ModelFault where
    a map is not finite.
    """
    layers = request.layers or (inspection.layer,)
    if len(layers) > 1 and request.method.reads != "pixels":
        each = [_at(inspection, request, layer, disturb) for layer in layers]
        fused = fuse([torch.from_numpy(one.grids) for one in each], request.fusion)
        found = ComputedMaps(fused.numpy(), "+".join(one.layer for one in each), min(one.done for one in each), {})
    else:
        found = _at(inspection, request, layers[0], disturb)
    if not np.isfinite(found.grids).all():
        raise ModelFault(f"{request.method.title} gave numbers that are not finite for this image and model")
    return found


def _at(inspection: Inspection, request: MapRequest, layer: str, disturb: ChangeHead) -> ComputedMaps:
    network, method = inspection.classifier.network, request.method
    with torch.no_grad():
        A = network.between(inspection.layer, layer)(inspection.A)
    head = disturb(network.head(layer))
    if method.reads == "features":
        grids = method.function(*spatial(A, head), request.target, **request.arguments)
        return ComputedMaps(grids.numpy(), layer, 1.0, {})

    @torch.no_grad()
    def forward(x: Tensor) -> Tensor:
        logits: Tensor = head(inspection.classifier.engine.forward(x, layer))
        return logits

    if method.reads == "image":
        forward(inspection.x)  # an engine may compile at its first such call, which must not delay the batches
    between_batches = partial(inspection.run_between_batches, forward)
    scene = Scene(inspection.x, between_batches, Deadline(request.deadline), spatial(A, head))
    whole = nn.Sequential(network.features(layer), head)
    cut = (scene.x, whole) if method.reads == "pixels" else spatial(A, head)
    grids = method.function(*cut, request.target, scene=scene, **request.arguments)
    place = INPUT if method.reads == "pixels" else layer
    return ComputedMaps(grids.numpy(), place, scene.deadline.done or 1.0, scene.measures)


def for_one_target(request: MapRequest, row: int) -> MapRequest:
    """The same for one target."""
    return replace(request, target=request.target[row : row + 1])
