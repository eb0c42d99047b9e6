"""Answers about images as JSON, and how an Answer becomes one.

All numbers are finite. If a model computes others, the response is a problem instead of an answer.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from service.api.problems import Problem
from service.api.schemas.base import Finite, Schema, Sha256, Share
from service.api.schemas.explanations import Explanation
from service.api.schemas.numbers import decimals
from service.runtime import results


class Model(Schema):
    """The model that answers."""

    name: str
    version: str
    weights_sha256: str
    """Digest of the weights."""
    notice: str
    """Notice to show beside every answer; may be empty."""


class Image(Schema):
    """The image of the request."""

    sha256: Sha256
    """Digest of the bytes as they were sent."""
    width: int
    """Pixels of the upright image."""
    height: int
    """Pixels of the upright image."""
    format: str
    """Format of the content: JPEG, PNG, TIFF, BMP, WEBP, GIF, AVIF, HEIF, JPEG 2000 or JPEG XL."""
    notes: list[str]
    """What was done to the image that its sender should know, such as using the first of several frames."""


class Prediction(Schema):
    """The score of one class."""

    index: int
    label: str
    probability: Share
    """Calibrated probability."""
    logit: Finite
    """The raw score, before temperature and activation."""


class Engine(Schema):
    """The engine that computed the feature maps."""

    name: str
    precision: str
    """f32 or bf16."""


class GuardViolation(Schema):
    """A limit of the model's input guard that the image violates."""

    measure: str
    """What is measured, such as brightness or sharpness."""
    value: Finite
    """The measured value."""
    minimum: Finite | None
    maximum: Finite | None
    reason: str
    """The entry of the answer's `reasons` that this limit belongs to."""


class AnswerStart(Schema):
    """The fields that every answer begins with."""

    request_id: str
    """As in the X-Request-ID header and in the log."""
    status: Literal["ok", "refused"]
    """refused: the model does not answer for such an image; `reasons` has the reasons."""
    reasons: list[str]
    """out_of_distribution, ungradable; empty if status is ok."""
    violations: list[GuardViolation]
    """The violated limits behind the reasons, with the measured values."""
    model: Model
    image: Image
    predictions: list[Prediction]
    """The most probable classes, most probable first; empty if the image is refused."""

    @classmethod
    def of(cls, answer: results.Answer, request_id: str) -> Self:
        """The JSON form of an answer."""
        return cls.joined(answer, request_id, cls.parts(answer))

    @classmethod
    def joined(cls, answer: results.Answer, request_id: str, parts: dict[str, Any]) -> Self:
        """The JSON form of an answer. parts: the fields of this kind of answer, besides those of every answer."""
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
        return cls.model_validate(common | parts)

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The fields of this kind of answer, besides those that every answer has."""
        del answer
        return {}


class AnswerEnd(Schema):
    """The fields that every answer ends with."""

    engine: Engine
    timing_ms: dict[str, float]
    """Milliseconds for this image: decode, forward, explain, total."""


class ExplanationPart(Schema):
    """The explanation of an answer."""

    explanation: Explanation | None
    """null if the image is refused."""


class ExplanationsPart(Schema):
    """The explanations of an answer."""

    explanations: list[Explanation]
    """One per method, in the order of the request."""


class EmbeddingPart(Schema):
    """The image as a vector."""

    embedding: list[Finite] | None
    """The pooled output of `layer`, one number per channel; null if the image is refused or `embed` is not set."""
    dim: int | None
    """Length of the vector."""
    layer: str | None
    """The stage whose output is pooled."""


class PredictAnswer(AnswerEnd, AnswerStart):
    """Class scores."""


class ExplainAnswer(AnswerEnd, ExplanationPart, AnswerStart):
    """Class scores and the maps of one method."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The explanation."""
        return {"explanation": Explanation.of(answer.explanations[0]) if answer.explanations else None}


class EmbedAnswer(AnswerEnd, EmbeddingPart, AnswerStart):
    """Class scores and the image as a vector."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The vector."""
        return _embedding_fields(answer.embedding)


class AnalyzeAnswer(AnswerEnd, EmbeddingPart, ExplanationsPart, AnswerStart):
    """Class scores, the maps of several methods, and the image as a vector."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The vector and all explanations."""
        explanations = [Explanation.of(one) for one in answer.explanations]
        return _embedding_fields(answer.embedding) | {"explanations": explanations}


class PredictAnswers(Schema):
    """Several images: an answer or a problem for each, in the order of the request."""

    results: list[PredictAnswer | Problem]


class ExplainAnswers(Schema):
    """Several images: an answer or a problem for each, in the order of the request."""

    results: list[ExplainAnswer | Problem]


class EmbedAnswers(Schema):
    """Several images: an answer or a problem for each, in the order of the request."""

    results: list[EmbedAnswer | Problem]


class AnalyzeAnswers(Schema):
    """Several images: an answer or a problem for each, in the order of the request."""

    results: list[AnalyzeAnswer | Problem]


def _embedding_fields(found: results.Embedding | None) -> dict[str, Any]:
    if found is None:
        return {"embedding": None, "dim": None, "layer": None}
    return {"embedding": decimals(found.vector), "dim": len(found.vector), "layer": found.layer}
