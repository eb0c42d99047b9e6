"""What is asked about one image: a Question, independent of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from service.explain.fusion import Fusion
from service.models.classifier import Classifier


@dataclass(frozen=True)
class UnitRequest:
    """The units whose feature maps to show: those named, or the `top` most active ones if none is named."""

    units: tuple[int, ...] = ()
    top: int = 16


@dataclass(frozen=True)
class Question:
    """What is asked about an image.

    model: a name in the registry; None for its default model. classifier: the one that answers, whatever happens to the
    registry in the meantime; None for the model's present one. top_k: number of predictions, at least 1. methods: names
    in `METHODS`; empty for no explanation. parameters: the methods' own parameters by name. targets: labels or indexes
    of the classes to explain; empty for the predicted class. top_k_targets: also explain the k most probable classes.
    versus: labels or indexes of classes to contrast with. layers: where to cut; empty for the last spatial map. The
    maps of several layers are fused by `fusion`. The embedding is taken right before the last linear layer, or without
    methods from the layer named. quality, boxes, overlay, embed, unit_request: what else to return. colormap: one of
    `COLORMAPS`. overlay_type: image/jpeg or image/png.
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
    classifier: Classifier | None = None
