"""What is asked about one image: a Question. It knows no web."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from service.explain.fusion import Fusion


@dataclass(frozen=True)
class UnitRequest:
    """Which units' feature maps to show: those named, or the `top` most active ones where none is."""

    units: tuple[int, ...] = ()
    top: int = 16


@dataclass(frozen=True)
class Question:
    """What is asked about an image.

    model: a registry name; None takes the registry's default. top_k: how many predictions, at least 1.
    methods: names in `METHODS`; none asks for no explanation. parameters: the methods' own parameters by name.
    targets: class indexes or labels to explain; none takes the predicted class. top_k_targets: explain the k likeliest
    classes. versus: labels or indexes to contrast with. layers: where to cut; none takes the last spatial map, and the
    vector from right before the last linear layer; without methods, the vector is taken from the layer named. The maps
    of several layers are fused by `fusion`.
    quality, boxes, overlay, embed, unit_request: what else to return. colormap: one of `COLORMAPS`.
    overlay_type: image/jpeg or image/png.
    """

    model: str | None = None
    top_k: int = 5
    methods: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    top_k_targets: int | None = None
    versus: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    fusion: Fusion = "max"
    quality: bool = False
    boxes: bool = False
    overlay: bool = False
    overlay_type: Literal["image/jpeg", "image/png"] = "image/jpeg"
    colormap: str = "inferno"
    embed: bool = False
    unit_request: UnitRequest | None = None
