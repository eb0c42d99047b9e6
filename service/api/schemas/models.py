"""Models and explanation methods as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from service.api.schemas.base import Finite, Schema
from service.explain.method import Count, Head, Method, Reads
from service.explain.quality import Measure
from service.models.card import Card
from service.models.parity import Parity
from service.models.registry import Registry
from service.models.states import State, Status
from service.runtime.describe import Description


class ModelSummary(Schema):
    """One model of the list."""

    name: str
    state: State
    """ready: answers requests. missing: has no weights here. loading: ready soon. failed: cannot be loaded."""
    problem: str
    """Why the model cannot answer, and the command that corrects it; empty if it is ready."""
    version: str | None
    """null if the registry entry itself is invalid."""
    architecture: str | None
    classes: int | None
    """Number of classes."""
    notice: str | None
    """Notice to show beside every answer."""


class ReloadFailure(Schema):
    """A model that is not as the registry says."""

    name: str
    problem: str
    """The reason. A version of the model that answered before still does."""


class ReloadReport(Schema):
    """What reading the registry again has changed: names of models."""

    at: datetime
    """When it was read, in UTC."""
    added: list[str]
    changed: list[str]
    """Loaded anew, because the entry, the weights or another file of the model has changed."""
    removed: list[str]
    failed: list[ReloadFailure]
    unchanged: list[str]
    """Not loaded again."""
    problem: str
    """Why the registry could not be read, or its default not be used; empty if neither is the case."""


class Models(Schema):
    """All models of the registry, the default first."""

    default: str | None
    """The model that answers requests without a model."""
    models: list[ModelSummary]
    reload: ReloadReport | None = None
    """What the last reload has changed; null before the first."""


class Layer(Schema):
    """A stage after which the network can be cut."""

    name: str
    shape: list[int]
    """Shape of its output for one image: channels, height, width."""
    spatial: bool
    """Whether the output is a feature map."""


class MethodApplicability(Schema):
    """Whether a method applies to a model at its default layer."""

    name: str
    applies: bool
    reason: str | None
    """Why it does not apply; null if it does."""


class EmbeddingLayer(Schema):
    """The vector that /embed returns by default."""

    layer: str
    dim: int


class EngineParity(Schema):
    """Comparison of the engine with PyTorch in float32, made when the model was loaded."""

    images: int
    source: str
    """golden: the example images of the registry entry. drawn: generated images, because the entry has none."""
    top1_equal: bool
    """Whether the predicted class is the same for every image."""
    probability: Finite
    """Largest difference of a probability."""
    map: Finite
    """Relative norm of the difference of feature maps."""
    passed: bool
    """Whether the requested engine is used."""
    reason: str
    """Why another engine or precision is used; empty if passed."""


class EngineChoice(Schema):
    """The engine that computes feature maps."""

    name: str
    precision: str
    parity: EngineParity | None
    """null for PyTorch in float32."""


class SanityStep(Schema):
    """One step of the test: one more stage with shuffled weights."""

    stage: str
    similarity: dict[str, Finite]
    """By method: mean rank correlation with the maps of the intact model, -1 to 1."""


class SanityReport(Schema):
    """Sanity check: whether maps change when the model's weights are shuffled, from its last stage to its first."""

    layer: str
    images: int
    source: str
    """golden: the example images of the registry entry. drawn: generated images, because the entry has none."""
    steps: list[SanityStep]
    changed: dict[str, bool]
    """By method: false if its maps hardly change although all weights are shuffled. Such maps show the image, not the
    reasons of the model."""


class ModelDetails(ModelSummary):
    """All details of one model. Fields that require the loaded network are null until the model is ready."""

    labels: list[str]
    """In the order of their indices."""
    activation: str | None
    """softmax, sigmoid or single-logit."""
    operating_point: float | None
    """For two labels: the threshold on the probability of the second."""
    card: Card | None
    """Intended use, do-not-use, training data, figures, licence."""
    weights_sha256: str | None
    """Digest of the weights in use."""
    default_layer: str | None
    """The layer that is explained by default."""
    layers: list[Layer] | None
    """Every stage, in order."""
    methods: list[MethodApplicability] | None
    embedding: EmbeddingLayer | None
    """null where no layer gives a vector as well."""
    notes: list[str] | None
    """What was done to the network at load, such as leaving out a softmax at its end."""
    engine: EngineChoice | None
    sanity: SanityReport | None
    """null until the check is done, soon after loading."""


class MethodSummary(Schema):
    """An explanation method."""

    name: str
    title: str
    summary: str
    """What the method shows, in a sentence."""
    paper: str
    formula: str
    forwards: Count
    """Runs of the whole network beyond the one that every answer makes: a number, or one per feature map (`per
    channel`), noisy copy (`per sample`), step or covered position."""
    slow: bool
    """Whether the number of forwards grows with feature maps, samples, steps or positions."""
    reads: Reads
    """features: feature maps. image: feature maps and the image. pixels: the image alone, explained pixel by pixel at
    the layer `input`."""
    head: Head
    """The head that it requires: any, or global average pooling followed by one linear layer."""
    layers: str
    """Which layers are suitable."""
    class_specific: bool
    """Whether the map depends on the target."""
    box_threshold: float
    """The fraction of the maximum of a map above which boxes are drawn."""
    parameters: dict[str, Any]
    """JSON Schema of the query parameters of the method."""


class MeasureSummary(Schema):
    """A measure of how far a map can be trusted."""

    name: str
    definition: str
    paper: str
    low: float
    high: float
    """The range of its values."""
    better: str
    """lower, higher, or a description of a good value."""


class Methods(Schema):
    """All explanation methods, and the measures of their maps."""

    methods: list[MethodSummary]
    measures: list[MeasureSummary]


class Filters(Schema):
    """The weights of one convolution layer."""

    model: str
    layer: str
    shape: list[int]
    """Number of filters, input channels, height, width."""
    weights: list[list[list[list[float]]]]


def models_of(registry: Registry) -> Models:
    """All models, as they are at one instant."""
    now, reload = registry.now, registry.last_reload
    return Models(
        default=now.default,
        models=[model_summary(status) for status in now],
        reload=None if reload is None else ReloadReport.model_validate(reload),
    )


def model_summary(status: Status) -> ModelSummary:
    """One model of the list."""
    return ModelSummary(**_summary_fields(status))


def model_details(status: Status, described: Description | None) -> ModelDetails:
    """All details of a model. described: details of the loaded network; None if it is not loaded."""
    entry = status.record.entry
    return ModelDetails(
        **_summary_fields(status),
        labels=list(entry.labels) if entry else [],
        activation=entry and entry.activation,
        operating_point=entry and entry.operating_point,
        card=entry and entry.card,
        sanity=status.sanity and SanityReport.model_validate(status.sanity),
        **_network_fields(described),
    )


def _summary_fields(status: Status) -> dict[str, Any]:
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


def _network_fields(found: Description | None) -> dict[str, Any]:
    if found is None:
        names = ("weights_sha256", "default_layer", "layers", "methods", "embedding", "notes", "engine")
        return dict.fromkeys(names)
    return {
        "weights_sha256": found.weights_sha256,
        "default_layer": found.default_layer,
        "layers": [Layer(name=one.name, shape=list(one.shape), spatial=one.spatial) for one in found.layers],
        "methods": [
            MethodApplicability(name=name, applies=reason is None, reason=reason)
            for name, reason in found.methods.items()
        ],
        "embedding": found.embedding_layer and EmbeddingLayer(layer=found.embedding_layer, dim=found.embedding_dim),
        "notes": list(found.notes),
        "engine": EngineChoice(
            name=found.engine,
            precision=found.precision,
            parity=found.parity and _parity(found.parity),
        ),
    }


def _parity(found: Parity) -> EngineParity:
    return EngineParity.model_validate(vars(found) | {"map": found.features})


def measure_summary(measure: Measure) -> MeasureSummary:
    """One measure."""
    return MeasureSummary(**{name: getattr(measure, name) for name in MeasureSummary.model_fields})


def method_summary(method: Method) -> MethodSummary:
    """One method, with its parameters as JSON Schema."""
    fields = {name: getattr(method, name) for name in MethodSummary.model_fields if name != "parameters"}
    return MethodSummary(**fields, parameters=method.parameters.model_json_schema())
