"""What can be said of a model without an image: layers, methods that apply, the vector it makes of an image."""

from __future__ import annotations

from dataclasses import dataclass

from service.explain.methods import METHODS
from service.models.classifier import Classifier
from service.models.parity import Parity
from service.runtime.validation import obstacle


@dataclass(frozen=True)
class Layer:
    """A place to cut. shape: of its output without the batch axis. spatial: whether it has a map to show."""

    name: str
    shape: tuple[int, ...]
    spatial: bool


@dataclass(frozen=True)
class Description:
    """A loaded model's own facts. methods: name -> why it does not apply at the default layer, None where it does.

    parity: how the engine compared with torch in float32 at load; None where it is just that.
    """

    layers: tuple[Layer, ...]
    default_layer: str
    methods: dict[str, str | None]
    embedding_layer: str
    embedding_dim: int
    engine: str
    precision: str
    weights_sha256: str
    parity: Parity | None = None


def describe(classifier: Classifier) -> Description:
    """The facts of a loaded classifier."""
    shapes = classifier.shapes
    return Description(
        layers=tuple(Layer(name, shape, classifier.spatial(name)) for name, shape in shapes.items()),
        default_layer=classifier.cut,
        methods={name: obstacle(method, classifier, classifier.cut) for name, method in METHODS.items()},
        embedding_layer=classifier.embedding_layer,
        embedding_dim=shapes[classifier.embedding_layer][0],
        engine=classifier.engine.name,
        precision=classifier.engine.precision,
        weights_sha256=classifier.weights_sha256,
        parity=classifier.parity,
    )
