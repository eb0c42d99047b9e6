"""A loaded model described: its layers, the methods that apply, and its embedding."""

from __future__ import annotations

from dataclasses import dataclass

from service.explain.methods import METHODS
from service.models.classifier import Classifier
from service.models.layers import channels, vector_layer
from service.models.parity import Parity
from service.runtime.validation import obstacle


@dataclass(frozen=True)
class Layer:
    """A layer to cut at. shape: of its output without the batch axis. spatial: whether maps can be computed there."""

    name: str
    shape: tuple[int, ...]
    spatial: bool


@dataclass(frozen=True)
class Description:
    """A loaded model. methods: name -> why the method does not apply at the default layer, None if it applies.

    embedding_layer, embedding_dim: None where the network has no layer that gives a vector.
    parity: how the engine compared with torch in float32 at load; None if torch in float32 is the engine. notes: what
    was done to the network at load.
    """

    layers: tuple[Layer, ...]
    default_layer: str
    methods: dict[str, str | None]
    embedding_layer: str | None
    embedding_dim: int | None
    engine: str
    precision: str
    weights_sha256: str
    parity: Parity | None = None
    notes: tuple[str, ...] = ()


def describe(classifier: Classifier) -> Description:
    """Describe a loaded classifier."""
    shapes = classifier.shapes
    vector = vector_layer(classifier.network, shapes, classifier.entry.default_layer)
    return Description(
        layers=tuple(Layer(name, shape, classifier.spatial(name)) for name, shape in shapes.items()),
        default_layer=classifier.cut,
        methods={name: obstacle(method, classifier, classifier.cut) for name, method in METHODS.items()},
        embedding_layer=vector,
        embedding_dim=channels(shapes[vector]) if vector else None,
        engine=classifier.engine.name,
        precision=classifier.engine.precision,
        weights_sha256=classifier.weights_sha256,
        parity=classifier.parity,
        notes=classifier.notes,
    )
