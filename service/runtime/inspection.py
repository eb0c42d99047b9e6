"""One image with its feature maps in one model, and the maps that methods compute from them."""

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
from service.explain.method import Deadline, Method, MethodContext
from service.explain.tokens import spatial
from service.images.workers import Prepared
from service.models.classifier import Classifier
from service.models.stages import INPUT

Call = Callable[[Tensor], Tensor]
HeadChange = Callable[[nn.Module], nn.Module]


@dataclass(frozen=True)
class Inspection:
    """What an answer is computed from. A: the feature maps of an image after `layer`, [1, C, h, w] or tokens [1, L, D].

    run_between_batches: calls the engine on its own thread, between batches. Default: on the thread of the caller.
    """

    classifier: Classifier
    prepared: Prepared
    layer: str
    A: Tensor
    run_between_batches: Callable[[Call, Tensor], Tensor] = lambda call, x: call(x)

    @property
    def x(self) -> Tensor:
        """The normalised image [1, channels, H, W]."""
        return self.classifier.normalised(torch.from_numpy(self.prepared.x[None]))

    @property
    def feature_maps(self) -> Tensor:
        """The feature maps [1, C, h, w]; of tokens, the grid of their patches. Raises DoesNotApply as `spatial`."""
        return spatial(self.A, nn.Identity(), self.prepared.geometry.size)[0]


@dataclass(frozen=True)
class MapRequest:
    """Which maps to compute. target [N, K]: directions in logit space. arguments: the method's own, and `versus`.

    deadline: when a slow method stops, in seconds on the monotonic clock. layers: the layer of the inspection or layers
    behind it, whose maps are fused by `fusion`; empty for the layer of the inspection alone.
    """

    method: Method
    target: Tensor
    arguments: dict[str, object]
    deadline: float
    layers: tuple[str, ...] = ()
    fusion: Fusion = "max"


@dataclass(frozen=True)
class ComputedMaps:
    """grids: float32 [N, h, w], raw and signed. layer: the layer or layers explained, joined by a plus.

    completed: the share of the work that was completed before the deadline. measures: figures of the method about its
    own maps, one number per row.
    """

    grids: NDArray[np.float32]
    layer: str
    completed: float
    measures: dict[str, list[float]]


def compute_maps(
    inspection: Inspection, request: MapRequest, change_head: HeadChange = lambda head: head
) -> ComputedMaps:
    """The requested maps, from the feature maps of the inspection; for layers behind its own, the stages between run.

    change_head: changes the head behind a layer, to measure how much a map depends on it. Raises ModelFault if a map is
    not finite.
    """
    layers = request.layers or (inspection.layer,)
    if len(layers) > 1 and request.method.reads != "pixels":
        each = [_maps_at(inspection, request, layer, change_head) for layer in layers]
        fused = fuse([torch.from_numpy(one.grids) for one in each], request.fusion)
        found = ComputedMaps(fused.numpy(), "+".join(one.layer for one in each), min(one.completed for one in each), {})
    else:
        found = _maps_at(inspection, request, layers[0], change_head)
    if not np.isfinite(found.grids).all():
        raise ModelFault(f"{request.method.title} gave numbers that are not finite for this image and model")
    return found


def _maps_at(inspection: Inspection, request: MapRequest, layer: str, change_head: HeadChange) -> ComputedMaps:
    network, method, size = inspection.classifier.network, request.method, inspection.prepared.geometry.size
    with torch.no_grad():
        A = network.between(inspection.layer, layer)(inspection.A)
    head = change_head(network.head(layer))
    if method.reads == "features":
        grids = method.function(*spatial(A, head, size), request.target, **request.arguments)
        return ComputedMaps(grids.numpy(), layer, 1.0, {})

    @torch.no_grad()
    def forward(x: Tensor) -> Tensor:
        logits: Tensor = head(inspection.classifier.engine.forward(x, layer))
        return logits

    if method.reads == "image":
        forward(inspection.x)  # an engine may compile at its first such call, which must not delay the batches
    between_batches = partial(inspection.run_between_batches, forward)
    context = MethodContext(inspection.x, between_batches, Deadline(request.deadline), spatial(A, head, size))
    whole = nn.Sequential(network.features(layer), head)
    cut = (context.x, whole) if method.reads == "pixels" else spatial(A, head, size)
    grids = method.function(*cut, request.target, context=context, **request.arguments)
    explained = INPUT if method.reads == "pixels" else layer
    return ComputedMaps(grids.numpy(), explained, context.deadline.completed or 1.0, context.measures)


def for_one_target(request: MapRequest, row: int) -> MapRequest:
    """The same request for one of its targets."""
    return replace(request, target=request.target[row : row + 1])
