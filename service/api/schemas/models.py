"""What the service says of itself without an image: its models and its methods, as JSON."""

from __future__ import annotations

from typing import Any, Literal

from service.api.schemas.answers import Finite, Schema
from service.explain.method import Method
from service.explain.quality import Measure
from service.models.card import Card
from service.models.registry import Status
from service.runtime.describe import Description

State = Literal["ready", "missing", "loading", "failed"]


class ModelSummary(Schema):
    """One model of the list."""

    name: str
    state: State
    """ready: answers. missing: has no weights here. loading: soon. failed: cannot be loaded."""
    problem: str
    """What keeps the model from answering, and the command that mends it; empty where it is ready."""
    version: str | None
    """null where the registry entry itself is broken."""
    architecture: str | None
    classes: int | None
    """How many labels there are."""
    notice: str | None
    """What must be shown beside every answer."""


class Models(Schema):
    """All models of the registry, the default first."""

    default: str | None
    """The model that answers where none is asked for."""
    models: list[ModelSummary]


class Layer(Schema):
    """A stage after which the network can be cut."""

    name: str
    shape: list[int]
    """Of its output for one image: channels, height, width."""
    spatial: bool
    """Whether there is a map to show."""


class MethodApplicability(Schema):
    """Whether a method applies to a model at its default layer."""

    name: str
    applies: bool
    reason: str | None
    """Why it does not."""


class EmbeddingLayer(Schema):
    """The vector that /embed gives where no layer is asked for."""

    layer: str
    dim: int


class EngineParity(Schema):
    """How the engine compared with PyTorch in float32 when the model was loaded."""

    images: int
    source: str
    """golden: the entry's own images; drawn: it has none, and drawn ones were taken."""
    top1_equal: bool
    """Whether the likeliest class was the same for each."""
    probability: Finite
    """The largest difference of any probability."""
    map: Finite
    """The difference of feature maps, as relative norm."""
    passed: bool
    """Whether the engine asked for is the one that answers."""
    reason: str
    """Why another engine or precision answers; empty where passed."""


class EngineChoice(Schema):
    """Who computes feature maps."""

    name: str
    precision: str
    parity: EngineParity | None
    """null where it is PyTorch in float32 itself."""


class SanityStep(Schema):
    """One more stage whose weights are shuffled."""

    stage: str
    similarity: dict[str, Finite]
    """By method: mean rank correlation with the whole model's maps, -1 to 1."""


class SanityReport(Schema):
    """Whether maps change when what the model has learned is destroyed, from its last stage to its first."""

    layer: str
    images: int
    source: str
    """golden: the entry's own images; drawn: it has none, and drawn ones were taken."""
    steps: list[SanityStep]
    changed: dict[str, bool]
    """By method: false where its maps hardly change even when every weight is shuffled. Such a map shows the image and
    not the model's reasons."""


class ModelDetails(ModelSummary):
    """Everything about one model. What only a loaded network knows is null until it is ready."""

    labels: list[str]
    """In the order of their indexes."""
    activation: str | None
    """softmax, sigmoid or single-logit."""
    operating_point: float | None
    """The probability of the second of two labels from which on it is the answer."""
    card: Card | None
    """Intended use, do-not-use, training data, figures, licence."""
    weights_sha256: str | None
    """Digest of the weights that answer."""
    default_layer: str | None
    """Where explanations look unless told otherwise."""
    layers: list[Layer] | None
    """Every stage, in order."""
    methods: list[MethodApplicability] | None
    embedding: EmbeddingLayer | None
    engine: EngineChoice | None
    sanity: SanityReport | None
    """null until it has been looked into, soon after loading."""


class MethodSummary(Schema):
    """An explanation method."""

    name: str
    title: str
    summary: str
    """What it answers, in a sentence."""
    paper: str
    formula: str
    cost: str
    """Forwards of the whole network beyond the one that every answer needs."""
    needs: str
    """features: any model. pooled-linear: a head of global average pooling and one linear layer. input: the image as
    well. pixels: the image alone, explained pixel by pixel at the layer `input`."""
    layers: str
    """Which layers suit it."""
    class_specific: bool
    """Whether the map depends on the target."""
    box_threshold: float
    """The fraction of the map's maximum above which a box is drawn."""
    parameters: dict[str, Any]
    """JSON Schema of the method's own query parameters."""


class MeasureSummary(Schema):
    """A figure of how far a map can be trusted."""

    name: str
    definition: str
    paper: str
    low: float
    high: float
    """The range of its values."""
    better: str
    """lower, higher, or what a good value is."""


class Methods(Schema):
    """All explanation methods, and the measures of their maps."""

    methods: list[MethodSummary]
    measures: list[MeasureSummary]


class Filters(Schema):
    """The weights of one convolution."""

    model: str
    layer: str
    shape: list[int]
    """Filters, input channels, height, width."""
    weights: list[list[list[list[float]]]]


def model_summary(status: Status) -> ModelSummary:
    """One model of the list."""
    return ModelSummary(**_line(status))


def model_details(status: Status, described: Description | None) -> ModelDetails:
    """All about a model. described: what only its network knows, None where it is not loaded."""
    entry = status.record.entry
    return ModelDetails(
        **_line(status),
        labels=list(entry.labels) if entry else [],
        activation=entry and entry.activation,
        operating_point=entry and entry.operating_point,
        card=entry and entry.card,
        sanity=status.sanity and SanityReport.model_validate(status.sanity),
        **_described(described),
    )


def _line(status: Status) -> dict[str, Any]:
    entry = status.record.entry
    return {
        "name": status.record.name,
        "state": status.state,
        "problem": status.problem,
        "version": entry and entry.version,
        "architecture": entry and entry.architecture,
        "classes": entry and len(entry.labels),
        "notice": entry and entry.card.notice,
    }


def _described(found: Description | None) -> dict[str, Any]:
    if found is None:
        names = ("weights_sha256", "default_layer", "layers", "methods", "embedding", "engine")
        return dict.fromkeys(names)
    return {
        "weights_sha256": found.weights_sha256,
        "default_layer": found.default_layer,
        "layers": [Layer(name=one.name, shape=list(one.shape), spatial=one.spatial) for one in found.layers],
        "methods": [
            MethodApplicability(name=name, applies=reason is None, reason=reason)
            for name, reason in found.methods.items()
        ],
        "embedding": EmbeddingLayer(layer=found.embedding_layer, dim=found.embedding_dim),
        "engine": EngineChoice(
            name=found.engine,
            precision=found.precision,
            parity=found.parity and EngineParity.model_validate(found.parity),
        ),
    }


def measure_summary(measure: Measure) -> MeasureSummary:
    """One measure."""
    return MeasureSummary(**{name: getattr(measure, name) for name in MeasureSummary.model_fields})


def method_summary(method: Method) -> MethodSummary:
    """One method, with its parameters as JSON Schema."""
    fields = {name: getattr(method, name) for name in MethodSummary.model_fields if name != "parameters"}
    return MethodSummary(**fields, parameters=method.parameters.model_json_schema())
