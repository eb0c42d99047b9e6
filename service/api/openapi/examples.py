"""Examples for the OpenAPI document, made by the code that makes real answers, so that they stay correct."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from pydantic import BaseModel

from service.api.problems import Problem, ProblemType, make_problem
from service.api.schemas.answers import AnswerStart
from service.api.schemas.base import Schema
from service.api.schemas.models import (
    EmbeddingLayer,
    EngineChoice,
    EngineParity,
    Layer,
    MethodApplicability,
    ModelDetails,
    Models,
    ModelSummary,
    ReloadFailure,
    ReloadReport,
    SanityReport,
    SanityStep,
)
from service.images.formats.table import LISTED
from service.models.card import Card
from service.runtime import results

REQUEST_ID = "5f0c9e0e-8d0b-4c39-9a56-0d1b6c9a4f11"
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTz/PgAAAABJRU5ErkJggg==")
"""A PNG with one pixel."""

GRID = np.array([[-0.2, 0.6], [0.1, 3.1]], np.float32)
MAP = results.TargetMap(
    target=results.Target(1, "glaucoma", 0.91),
    grid=GRID,
    minimum=-0.2,
    maximum=3.1,
    empty=False,
    region=(0, 0, 1411, 1411),
    heatmap=results.Picture("image/png", PIXEL, 224, 224),
    boxes=(results.Region((705.5, 705.5, 1411, 1411), 0.82),),
)
ANSWER = results.Answer(
    status="ok",
    reasons=(),
    model=results.ModelFacts("glaucoma", "1.0.0", "9b" * 32, "SYNTHETIC, NOT FOR CLINICAL USE"),
    image=results.ImageFacts("3c" * 32, 1411, 1411, "JPEG", ()),
    predictions=(results.Prediction(1, "glaucoma", 0.91, 2.3), results.Prediction(0, "normal", 0.09, -0.1)),
    explanations=(results.Explanation("gradcam", "layer4", {}, "heatmap = 255 · max(grid, 0) / maximum", (MAP,)),),
    embedding=results.Embedding(np.array([0.12, 0.0, 1.5], np.float32), "avgpool"),
    engine=results.EngineFacts("torch", "f32"),
    timing_ms={"decode": 1.2, "forward": 13.0, "explain": 0.3, "total": 16.0},
    activations=results.Activations(
        "layer4", (512, 2, 2), MAP.region, (results.Activation(331, 0.9, 3.1, GRID.clip(0)),)
    ),
)
REFUSED = replace(
    ANSWER,
    status="refused",
    reasons=("out_of_distribution",),
    violations=(results.GuardViolation("warm", 0.21, 0.7, None, "out_of_distribution"),),
    predictions=(),
    explanations=(),
    embedding=None,
    activations=None,
)

MODELS = Models(
    default="glaucoma",
    models=[
        ModelSummary(
            name="glaucoma",
            state="ready",
            problem="",
            version="1.0.0",
            architecture="resnet18",
            classes=2,
            notice=ANSWER.model.notice,
        ),
        ModelSummary(
            name="vgg16-imagenet",
            state="missing",
            problem="model 'vgg16-imagenet' has no weights here yet; run `fovea models pull vgg16-imagenet`",
            version="1.0.0",
            architecture="vgg16",
            classes=1000,
            notice="",
        ),
    ],
)
RELOAD = ReloadReport(
    at=datetime(2026, 11, 26, 9, 30, tzinfo=UTC),
    added=["chest"],
    changed=["glaucoma"],
    removed=[],
    failed=[
        ReloadFailure(
            name="retina",
            problem="the old model stays in use, because the new one failed to load: registry/retina.toml, model"
            " 'retina', field labels: is required",
        )
    ],
    unchanged=["vgg16-imagenet"],
    problem="",
)
MODEL = ModelDetails(
    **MODELS.models[0].model_dump(),
    labels=["normal", "glaucoma"],
    activation="softmax",
    operating_point=0.5,
    card=Card(
        intended_use="Showing how an explanation looks.",
        do_not_use="For anything that concerns a patient.",
        training_data="Procedural pictures of the fundus.",
        licence="Apache-2.0",
        figures={"auc": 0.98},
        notice=ANSWER.model.notice,
    ),
    weights_sha256=ANSWER.model.weights_sha256,
    default_layer="layer4",
    layers=[Layer(name="layer4", shape=[512, 7, 7], spatial=True), Layer(name="fc", shape=[2], spatial=False)],
    methods=[MethodApplicability(name="gradcam", applies=True, reason=None)],
    embedding=EmbeddingLayer(layer="flatten", dim=512),
    notes=[],
    engine=EngineChoice(
        name="openvino",
        precision="f32",
        parity=EngineParity(
            images=4, source="drawn", top1_equal=True, probability=2e-06, map=3e-06, passed=True, reason=""
        ),
    ),
    sanity=SanityReport(
        layer="layer4",
        images=4,
        source="golden",
        steps=[
            SanityStep(stage="fc", similarity={"gradcam": 0.1}),
            SanityStep(stage="layer4", similarity={"gradcam": 0.04}),
        ],
        changed={"gradcam": True},
    ),
)

DETAILS = {
    400: "the form has an unknown field 'file'; send images in the field image (curl -F image=@retina.jpg)",
    403: "the request comes from a web page of another origin; the operator can allow its origin in"
    " FOVEA_ALLOWED_ORIGINS",
    404: "there is no model 'glaukoma'; the models are glaucoma, densenet121, resnet18",
    406: "the response is available as application/json, image/png, image/jpeg, application/x-npy,"
    " but the Accept header allows none of these",
    408: "the body was not complete after 10 s; the limit is 10 s, and one more second per 256 KiB",
    409: "CAM reads a class's map from the weights of one linear layer behind global average pooling, and behind layer"
    " 'features' model 'vgg16-imagenet' has another head; these apply: gradcam, layercam",
    413: "an image may have at most 32 MiB",
    415: f"The bytes are not an image in a format read here; send one of {LISTED}.",
    422: "query parameter top_k: Input should be greater than or equal to 1",
    429: "256 images are waiting already; ask again in a second",
    503: "model 'resnet18-imagenet' has no weights here yet; run `fovea models pull resnet18-imagenet`",
    507: "the disk of the collections is full; nothing of this request is stored",
}


JSON_PREFIX = "json:"


def as_text(model: BaseModel) -> str:
    """An example as text: FastAPI removes null values from examples that are objects. `restore_examples` undoes it."""
    return JSON_PREFIX + model.model_dump_json()


def restore_examples(node: Any) -> Any:
    """An OpenAPI document whose examples are objects again."""
    if isinstance(node, dict):
        return {name: restore_examples(value) for name, value in node.items()}
    if isinstance(node, list):
        return [restore_examples(value) for value in node]
    if isinstance(node, str) and node.startswith(JSON_PREFIX):
        return json.loads(node.removeprefix(JSON_PREFIX))
    return node


def problem(kind: ProblemType) -> Problem:
    """A problem of this type."""
    return make_problem(kind, DETAILS[kind.status], {"path": "/predict", "state": {"request_id": REQUEST_ID}})


def image_answers(one: type[AnswerStart], several: type[Schema], error: ProblemType) -> dict[str, Any]:
    """Answers to one image, to a refused image, and to several images of which the second cannot be read."""
    good, refused = one.of(ANSWER, REQUEST_ID), one.of(REFUSED, REQUEST_ID)
    results = several.model_validate({"results": [good, problem(error)]})
    return {
        "one image": {"summary": "One image", "value": as_text(good)},
        "refused": {"summary": "An image that the model refuses", "value": as_text(refused)},
        "several": {"summary": "Two images, one of which cannot be read", "value": as_text(results)},
    }
