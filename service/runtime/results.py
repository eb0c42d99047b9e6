"""The Answer to a Question about one image, and its parts, independent of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ModelFacts:
    """The model that answered. weights_sha256: hexadecimal digest of the weights file. notice: what must be shown."""

    name: str
    version: str
    weights_sha256: str
    notice: str


@dataclass(frozen=True)
class ImageFacts:
    """The image of the question. sha256: of the bytes as sent. width, height: pixels of the upright original."""

    sha256: str
    width: int
    height: int
    format: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class EngineFacts:
    """The engine that computed the feature maps, and its precision (f32 or bf16)."""

    name: str
    precision: str


@dataclass(frozen=True)
class Prediction:
    """One class. probability: calibrated, 0 to 1. logit: the raw score before temperature and activation."""

    index: int
    label: str
    probability: float
    logit: float


@dataclass(frozen=True)
class Target:
    """The class a map explains."""

    index: int
    label: str
    probability: float


@dataclass(frozen=True)
class Picture:
    """An encoded picture. width, height: pixels."""

    media_type: str
    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Region:
    """A box. box: left, top, right, bottom in pixels of the upright original.

    score: the share of the map's positive mass inside its component, 0 to 1.
    """

    box: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True)
class TargetMap:
    """The evidence for one target, by position.

    grid: float32 [h, w], the raw signed map at the layer's resolution. minimum, maximum: of the grid. empty: whether no
    value of the grid is positive, so that the heatmap is blank. region: of the model's input, in pixels of the upright
    original; it reaches outside where the input is padded. done: the fraction of the work that was completed before the
    deadline, 1 for all of it. quality: figures by name, those of `service.explain.quality.MEASURES` if asked for, and
    those of the method about its own map; None for a figure without a value.
    """

    target: Target
    grid: NDArray[np.float32]
    minimum: float
    maximum: float
    empty: bool
    region: tuple[float, float, float, float]
    heatmap: Picture
    overlay: Picture | None = None
    boxes: tuple[Region, ...] | None = None
    done: float = 1.0
    quality: Mapping[str, float | None] | None = None


@dataclass(frozen=True)
class Explanation:
    """The maps of one method. parameters: the method's own, as used. normalisation: how grid became heatmap."""

    method: str
    layer: str
    parameters: Mapping[str, object]
    normalisation: str
    maps: tuple[TargetMap, ...]


@dataclass(frozen=True)
class Embedding:
    """The image as a vector, float32 [D], taken after stage `layer`."""

    vector: NDArray[np.float32]
    layer: str


@dataclass(frozen=True)
class GuardViolation:
    """A limit of the model's guard that an image violates. measure: one of `images.guard`. None: no such limit."""

    measure: str
    value: float
    minimum: float | None
    maximum: float | None
    reason: str


@dataclass(frozen=True)
class Activation:
    """The feature map of one unit, float32 [h, w], raw, with its mean and maximum."""

    unit: int
    mean: float
    maximum: float
    grid: NDArray[np.float32]


@dataclass(frozen=True)
class Activations:
    """Feature maps after stage `layer`. shape: channels, height, width. region: as in TargetMap."""

    layer: str
    shape: tuple[int, int, int]
    region: tuple[float, float, float, float]
    units: tuple[Activation, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to one Question about one image.

    status: ok, or refused with reasons (out_of_distribution, ungradable) and the violated limits; a refused answer has
    no predictions, explanations or embedding. timing_ms: milliseconds by step: decode, forward, explain, total.
    """

    status: str
    reasons: tuple[str, ...]
    model: ModelFacts
    image: ImageFacts
    predictions: tuple[Prediction, ...]
    explanations: tuple[Explanation, ...]
    embedding: Embedding | None
    engine: EngineFacts
    timing_ms: Mapping[str, float]
    violations: tuple[GuardViolation, ...] = ()
    activations: Activations | None = None
