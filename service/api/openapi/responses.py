"""What the OpenAPI document says beyond what FastAPI sees by itself: bodies, statuses, forms and examples."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from service import errors
from service.api.openapi import examples
from service.api.openapi.examples import verbatim
from service.api.problems import KINDS, OF_HTTP
from service.api.schemas.answers import AnswerStart, Schema
from service.api.schemas.models import Filters
from service.explain.methods import METHODS

Responses = dict[int | str, dict[str, Any]]

OF_IMAGES = (400, 404, 408, 413, 415, 422, 429, 503)
"""Statuses of problems that every image route may answer with."""

KIND_OF_STATUS = {kind.status: kind for kind in reversed((*KINDS.values(), OF_HTTP[405]))}
BINARY: dict[str, Any] = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
PROBLEM = {"$ref": "#/components/schemas/Problem"}
RETRY_AFTER = {"Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}}}

IMAGE_FILES = "An image file; repeat the field for several."
IMAGE_TEXTS = "An image in base64, or a list of them; a data: prefix is tolerated."
MASK_FILES = (
    "A picture as large as the image, both turned upright by their EXIF: what is brighter than half of its range is"
    " inside. As many as images, in the same order, or none."
)
BASE64 = {"type": "string", "contentEncoding": "base64", "minLength": 1}
START_OF_JPEG = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBk..."
START_OF_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTz/..."


def _files(description: str) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": BINARY, "description": description}


def _texts(description: str) -> dict[str, Any]:
    several = {"type": "array", "minItems": 1, "items": BASE64}
    return {"description": description, "anyOf": [BASE64, several]}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": ["image"], "additionalProperties": False, "properties": properties}


def _images(masks: bool) -> dict[str, Any]:
    """The body of an image route, with masks beside images or without."""
    files, texts, shown = {"image": _files(IMAGE_FILES)}, {"image": _texts(IMAGE_TEXTS)}, {"image": START_OF_JPEG}
    if masks:
        files["mask"], texts["mask"], shown["mask"] = _files(MASK_FILES), _texts(MASK_FILES), START_OF_PNG
    told = "One image or several. The Content-Type says how they travel, and their content what they are."
    content = {
        "multipart/form-data": {"schema": _object(files)},
        "image/*": {"schema": BINARY},
        "application/octet-stream": {"schema": BINARY},
        "application/json": {"schema": _object(texts), "example": shown},
    }
    return {"requestBody": {"required": True, "description": told, "content": content}}


IMAGES, MASKED_IMAGES = _images(masks=False), _images(masks=True)

METHOD_NAMES = {"enum": list(METHODS), "example": "gradcam"}


def _method_parameters() -> list[dict[str, Any]]:
    """The methods' own parameters, each once, with the methods that take it."""
    takers: dict[str, list[str]] = {}
    schemas: dict[str, dict[str, Any]] = {}
    for method in METHODS.values():
        for name, schema in method.parameters.model_json_schema().get("properties", {}).items():
            takers.setdefault(name, []).append(method.name)
            schemas[name] = {key: value for key, value in schema.items() if key != "description"} | {"title": name}
            schemas[name]["description"] = schema.get("description", "")
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {key: value for key, value in schemas[name].items() if key != "description"},
            "description": f"{schemas[name]['description']} Only for {', '.join(takers[name])}.".strip(),
        }
        for name in takers
    ]


METHOD_PARAMETERS = {"parameters": _method_parameters()}

PICTURES: dict[str, Any] = {
    "image/png": {"schema": BINARY},
    "image/jpeg": {"schema": BINARY},
    "application/x-npy": {"schema": BINARY},
}

TILES: dict[str, Any] = {"image/png": {"schema": BINARY}}

METRICS: Responses = {
    200: {
        "description": "Everything, in Prometheus' text format.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "fovea_requests_in_flight 1.0\n"}},
    }
}

FILTERS: Responses = {
    200: {
        "description": "Filters side by side, each stretched to its own range; or their weights.",
        "content": {
            "image/png": {"schema": BINARY},
            "application/json": {
                "example": {
                    "model": "resnet18",
                    "layer": "conv1",
                    "shape": [1, 1, 1, 2],
                    "weights": [[[[0.5, -0.25]]]],
                },
            },
        },
        "model": Filters,
    }
}


def problems(*statuses: int) -> Responses:
    """The problems a route may answer with, each with an example."""
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    kind = KIND_OF_STATUS[status]
    content = {"application/problem+json": {"schema": PROBLEM, "example": verbatim(examples.problem(kind))}}
    found: dict[str, Any] = {"description": f"{HTTPStatus(status).phrase}. {kind.meaning}", "content": content}
    return found | ({"headers": RETRY_AFTER} if status in {429, 503} else {})


def answers_with(
    one: type[AnswerStart], several: type[Schema], *statuses: int, content: dict[str, Any] | None = None
) -> Responses:
    """An image route's responses: one answer or several, and the problems. content: further forms of the answer."""
    shown = examples.image_answers(one, several, KINDS[errors.UnsupportedImage])
    answer: dict[str, Any] = {
        "model": one | several,
        "description": "One image: its answer. Several: `results`, an answer or a problem for each, in order.",
        "content": {"application/json": {"examples": shown}, **(content or {})},
    }
    return {200: answer, **problems(*sorted({*OF_IMAGES, *statuses}))}


def example(model: BaseModel) -> Responses:
    """A successful response's example."""
    return {200: {"content": {"application/json": {"example": verbatim(model)}}}}
