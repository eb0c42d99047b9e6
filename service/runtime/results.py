"""The Answer to a Question about one image, and its parts. They know no web."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ModelFacts:
    """Which model answered. weights_sha256: hexadecimal digest of the weights file. notice: what must be shown."""

    name: str
    version: str
    weights_sha256: str
    notice: str


@dataclass(frozen=True)
class ImageFacts:
    """Which image was asked about. sha256: of the bytes as sent. width, height: pixels of the upright original."""

    sha256: str
    width: int
    height: int
    format: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class EngineFacts:
    """Who computed the feature maps, in which arithmetic (f32 or bf16)."""

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
    """Where the model looked for one target.

    grid: float32 [h, w], the raw signed map at the layer's resolution. minimum, maximum: of the grid.
    empty: nothing in the grid is positive, so nothing is painted. region: the pixels of the upright original that the
    model saw. done: the fraction of the work done before the deadline, 1 when complete.
    quality: figures by name, those of `service.explain.quality.MEASURES` where they were asked for, and what a method
    promises of its own map; None for a figure that has no value.
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
    """One method's maps. parameters: the method's own, resolved. normalisation: how grid became heatmap, in words."""

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
    """A limit of the model's guard that an image does not keep. measure: of `images.guard`; an open end is None."""

    measure: str
    value: float
    minimum: float | None
    maximum: float | None
    reason: str


@dataclass(frozen=True)
class Activation:
    """One unit's feature map, float32 [h, w], raw. mean, maximum: of it."""

    unit: int
    mean: float
    maximum: float
    grid: NDArray[np.float32]


@dataclass(frozen=True)
class Activations:
    """Feature maps after stage `layer`. shape: channels, height, width of all of them. region: as of a TargetMap."""

    layer: str
    shape: tuple[int, int, int]
    region: tuple[float, float, float, float]
    units: tuple[Activation, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to one Question about one image.

    status: ok, or refused with reasons (out_of_distribution, ungradable) and the limits crossed; a refused answer has
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
