"""The answers of the contract as JSON: shapes with a sentence for each field, and how an Answer becomes one.

Every number is finite: where a model's are not, there is a problem and no answer.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from service.api.problems import Problem
from service.api.schemas.numbers import decimals
from service.runtime import results

Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Box = tuple[Finite, Finite, Finite, Finite]


class Schema(BaseModel):
    """Base of all answers: frozen, and described by their fields."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True, protected_namespaces=())


class Model(Schema):
    """Which model answered."""

    name: str
    version: str
    weights_sha256: str
    """Digest of the weights that answered."""
    notice: str
    """What must be shown beside every answer; may be empty."""


class Image(Schema):
    """Which image was asked about."""

    sha256: Sha256
    """Digest of the bytes as they were sent."""
    width: int
    """Pixels of the upright original."""
    height: int
    """Pixels of the upright original."""
    format: str
    """What the content is: JPEG, PNG, TIFF, BMP, WEBP or GIF."""
    notes: list[str]
    """What was done to the image that its sender should know, such as taking the first of several frames."""


class Prediction(Schema):
    """One class."""

    index: int
    label: str
    probability: Share
    """Calibrated probability."""
    logit: Finite
    """The raw score, before temperature and activation."""


class Target(Schema):
    """The class that a map explains."""

    index: int
    label: str
    probability: Share


class Picture(Schema):
    """An encoded picture."""

    media_type: str
    base64: str
    width: int
    """Pixels."""
    height: int
    """Pixels."""

    @classmethod
    def of(cls, picture: results.Picture) -> Self:
        """A picture with its bytes in base64."""
        return cls(
            media_type=picture.media_type,
            base64=base64.b64encode(picture.data).decode(),
            width=picture.width,
            height=picture.height,
        )


class Region(Schema):
    """A box around a connected part of the map."""

    box: Box
    """Left, top, right, bottom in pixels of the upright original."""
    score: Share
    """The share of the map's positive mass inside."""


class TargetMap(Schema):
    """Where the model looked for one target. It is not where a lesion is."""

    target: Target
    grid: list[list[Finite]]
    """The raw signed map at the layer's resolution, row by row."""
    minimum: Finite
    maximum: Finite
    empty: bool
    """Nothing in the grid is positive, so nothing is painted."""
    region: Box
    """Left, top, right, bottom of what the model saw, in pixels of the upright original; the grid covers exactly it."""
    heatmap: Picture
    """The map as an 8-bit grey PNG, at the resolution of the network's input."""
    overlay: Picture | None
    """The map painted over the image, where `overlay` asks for it."""
    boxes: list[Region] | None
    """Boxes, where `boxes` asks for them."""
    quality: dict[str, Finite | None] | None
    """How far the map can be trusted, by the measures of /methods where `quality` asks for them, and
    `completeness_delta` where the method promises that its map adds up; null for a figure that has no value."""
    partial: bool
    """The deadline came before the method was finished; the map is of what was done by then."""
    done: Share
    """How much of the work was done: 1 for a complete map."""

    @classmethod
    def of(cls, found: results.TargetMap) -> Self:
        """A map with its grid as nested lists."""
        grid = decimals(found.grid)
        return cls(
            target=Target.model_validate(found.target),
            grid=grid,
            minimum=min(map(min, grid)),
            maximum=max(map(max, grid)),
            empty=found.empty,
            region=found.region,
            heatmap=Picture.of(found.heatmap),
            overlay=found.overlay and Picture.of(found.overlay),
            boxes=None if found.boxes is None else [Region.model_validate(box) for box in found.boxes],
            quality=None if found.quality is None else dict(found.quality),
            partial=found.done < 1,
            done=found.done,
        )


class Explanation(Schema):
    """One method's maps."""

    method: str
    layer: str
    """The stage whose feature maps were looked at."""
    parameters: dict[str, JsonValue]
    """The method's own parameters, resolved."""
    normalisation: str
    """How grid became heatmap, in words."""
    maps: list[TargetMap]
    """One for each target, in the order asked for."""

    @classmethod
    def of(cls, found: results.Explanation) -> Self:
        """An explanation with its maps."""
        return cls(
            method=found.method,
            layer=found.layer,
            parameters=dict(found.parameters),
            normalisation=found.normalisation,
            maps=[TargetMap.of(one) for one in found.maps],
        )


class Engine(Schema):
    """Who computed the feature maps."""

    name: str
    precision: str
    """f32 or bf16."""


class GuardViolation(Schema):
    """A limit of the model's guard that the image does not keep."""

    measure: str
    """What was measured, such as brightness or sharpness."""
    value: Finite
    """What the image has."""
    minimum: Finite | None
    maximum: Finite | None
    reason: str
    """Which of the answer's reasons it is."""


class AnswerStart(Schema):
    """What every answer begins with."""

    request_id: str
    """As in the X-Request-ID header and in the log."""
    status: Literal["ok", "refused"]
    """refused: the model does not answer for such an image, and `reasons` say why."""
    reasons: list[str]
    """out_of_distribution, ungradable; empty where status is ok."""
    violations: list[GuardViolation]
    """The limits behind the reasons, with what was measured."""
    model: Model
    image: Image
    predictions: list[Prediction]
    """The likeliest classes, likeliest first; empty where refused."""

    @classmethod
    def of(cls, answer: results.Answer, request_id: str) -> Self:
        """The answer as JSON has it."""
        common = {
            "request_id": request_id,
            "status": answer.status,
            "reasons": list(answer.reasons),
            "violations": list(answer.violations),
            "model": answer.model,
            "image": Image(**{**vars(answer.image), "notes": list(answer.image.notes)}),
            "predictions": list(answer.predictions),
            "engine": answer.engine,
            "timing_ms": dict(answer.timing_ms),
        }
        return cls.model_validate(common | cls.parts(answer))

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The fields that this kind of answer has beyond those all have."""
        del answer
        return {}


class AnswerEnd(Schema):
    """What every answer ends with."""

    engine: Engine
    timing_ms: dict[str, float]
    """Milliseconds for this image: decode, forward, explain, total."""


class ExplanationPart(Schema):
    """The reason for an answer."""

    explanation: Explanation | None
    """null where refused."""


class ExplanationsPart(Schema):
    """The reasons for an answer."""

    explanations: list[Explanation]
    """One a method, in the order asked for."""


class EmbeddingPart(Schema):
    """The image as a vector."""

    embedding: list[Finite] | None
    """The output of `layer`, one number a channel; null where refused or not asked for."""
    dim: int | None
    """How many numbers."""
    layer: str | None
    """The stage it was taken after."""


class Activation(Schema):
    """One unit's feature map."""

    unit: int
    mean: Finite
    maximum: Finite
    grid: list[list[Finite]]
    """Raw, row by row."""


class Activations(Schema):
    """What the network has seen at a layer, before any class is weighed."""

    layer: str
    shape: tuple[int, int, int]
    """Units, rows and columns of the whole layer."""
    region: Box
    """Left, top, right, bottom of what the model saw, in pixels of the upright original; a grid covers exactly it."""
    units: list[Activation]
    """In the order asked for, or the most active first."""


class ActivationsPart(Schema):
    """The feature maps of a layer."""

    activations: Activations | None
    """null where refused."""


class ActivationsAnswer(AnswerEnd, ActivationsPart, AnswerStart):
    """Class scores and feature maps."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The feature maps, with grids as nested lists."""
        found = answer.activations
        if found is None:
            return {"activations": None}
        units = [
            Activation(unit=one.unit, mean=one.mean, maximum=one.maximum, grid=decimals(one.grid))
            for one in found.units
        ]
        shown = Activations(layer=found.layer, shape=found.shape, region=found.region, units=units)
        return {"activations": shown}


class PredictAnswer(AnswerEnd, AnswerStart):
    """Class scores."""


class ExplainAnswer(AnswerEnd, ExplanationPart, AnswerStart):
    """Class scores and one method's maps."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The one explanation."""
        return {"explanation": Explanation.of(answer.explanations[0]) if answer.explanations else None}


class EmbedAnswer(AnswerEnd, EmbeddingPart, AnswerStart):
    """Class scores and the image as a vector."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The vector."""
        return _vector(answer.embedding)


class AnalyzeAnswer(AnswerEnd, EmbeddingPart, ExplanationsPart, AnswerStart):
    """Everything that was asked for, from one forward."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The vector and all explanations."""
        return _vector(answer.embedding) | {"explanations": [Explanation.of(one) for one in answer.explanations]}


class PredictAnswers(Schema):
    """Several images: an answer or a problem for each, in the order sent."""

    results: list[PredictAnswer | Problem]


class ExplainAnswers(Schema):
    """Several images: an answer or a problem for each, in the order sent."""

    results: list[ExplainAnswer | Problem]


class EmbedAnswers(Schema):
    """Several images: an answer or a problem for each, in the order sent."""

    results: list[EmbedAnswer | Problem]


class ActivationsAnswers(Schema):
    """Several images: an answer or a problem for each, in the order sent."""

    results: list[ActivationsAnswer | Problem]


class AnalyzeAnswers(Schema):
    """Several images: an answer or a problem for each, in the order sent."""

    results: list[AnalyzeAnswer | Problem]


def _vector(found: results.Embedding | None) -> dict[str, Any]:
    if found is None:
        return {"embedding": None, "dim": None, "layer": None}
    return {"embedding": decimals(found.vector), "dim": len(found.vector), "layer": found.layer}
