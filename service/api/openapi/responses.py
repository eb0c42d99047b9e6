"""Parts of the OpenAPI document that FastAPI cannot derive: request bodies, statuses, media types and examples."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from service import errors
from service.api.openapi import examples
from service.api.openapi.examples import as_text
from service.api.problems import ERROR_PROBLEMS, HTTP_PROBLEMS
from service.api.schemas.answers import AnswerStart
from service.api.schemas.base import Schema
from service.api.schemas.models import Filters
from service.explain.methods import METHODS

Responses = dict[int | str, dict[str, Any]]

IMAGE_STATUSES = (400, 404, 408, 413, 415, 422, 429, 503)
"""Error statuses that every image route may return."""

PROBLEM_OF_STATUS = {kind.status: kind for kind in reversed((*ERROR_PROBLEMS.values(), HTTP_PROBLEMS[405]))}
"""By status: the first problem type in the table."""

BINARY: dict[str, Any] = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
PROBLEM = {"$ref": "#/components/schemas/Problem"}
ETAG = {"ETag": {"description": "Entity tag of the content, for If-None-Match.", "schema": {"type": "string"}}}
RETRY_AFTER = {"Retry-After": {"description": "Seconds after which to retry.", "schema": {"type": "integer"}}}

IMAGE_FILES = "An image file. Repeat the field for several images."
IMAGE_TEXTS = "An image in base64, or a list of images. A `data:` prefix is accepted."
MASK_FILES = (
    "A picture of the same size as the image, after both are rotated upright by their EXIF orientation. Pixels brighter"
    " than half of the range are inside. One per image, in the same order, or none."
)
BASE64 = {"type": "string", "contentEncoding": "base64", "minLength": 1}
START_OF_JPEG = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBk..."
START_OF_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTz/..."


def _files(description: str) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": BINARY, "description": description}


def _optional_files(description: str) -> dict[str, Any]:
    """Files that a form may have. Without a default, Swagger UI would send a text in place of a file."""
    return {"type": "array", "items": BINARY, "default": [], "description": description}


def _texts(description: str) -> dict[str, Any]:
    several = {"type": "array", "minItems": 1, "items": BASE64}
    return {"description": description, "anyOf": [BASE64, several]}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": ["image"], "additionalProperties": False, "properties": properties}


def _images(masks: bool) -> dict[str, Any]:
    """The request body of an image route. masks: whether masks may accompany the images."""
    files, texts, example_body = (
        {"image": _files(IMAGE_FILES)},
        {"image": _texts(IMAGE_TEXTS)},
        {"image": START_OF_JPEG},
    )
    if masks:
        files["mask"], texts["mask"], example_body["mask"] = (
            _optional_files(MASK_FILES),
            _texts(MASK_FILES),
            START_OF_PNG,
        )
    description = (
        "One or several images. The Content-Type of bytes may also be that of the image, such as image/jpeg; the format"
        " is recognised from the content."
    )
    content = {
        "multipart/form-data": {"schema": _object(files)},
        "application/octet-stream": {"schema": BINARY},
        "application/json": {"schema": _object(texts), "example": example_body},
    }
    return {"requestBody": {"required": True, "description": description, "content": content}}


IMAGES, MASKED_IMAGES = _images(masks=False), _images(masks=True)

METHOD_NAMES = {
    "enum": list(METHODS),
    "x-enum-varnames": [name.replace("++", "_plus_plus").replace("-", "_").upper() for name in METHODS],
    "example": "gradcam",
}
"""With names for generated code, which would otherwise call `gradcam` and `gradcam++` the same."""


def _method_parameters() -> list[dict[str, Any]]:
    """The methods' own parameters, each once, with the methods that have it.

    Defaults are part of the description and not of the schema: Swagger UI and other clients send every default of a
    schema, and a method refuses the parameters of other methods.
    """
    methods: dict[str, list[str]] = {}
    schemas: dict[str, dict[str, Any]] = {}
    for method in METHODS.values():
        for name, schema in method.parameters.model_json_schema().get("properties", {}).items():
            methods.setdefault(name, []).append(method.name)
            schemas[name] = schema | {"title": name}
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {key: value for key, value in schema.items() if key not in {"description", "default"}},
            "description": _description(schema, methods[name]),
        }
        for name, schema in schemas.items()
    ]


def _description(schema: dict[str, Any], methods: list[str]) -> str:
    default = f" Default: {schema['default']}." if schema.get("default") is not None else ""
    return f"{schema.get('description', '')}{default} Only for {', '.join(methods)}.".strip()


METHOD_PARAMETERS = {"parameters": _method_parameters()}

EXPLANATION_IMAGES: dict[str, Any] = {
    "image/png": {"schema": BINARY},
    "image/jpeg": {"schema": BINARY},
    "application/x-npy": {"schema": BINARY},
}

TILES: dict[str, Any] = {"image/png": {"schema": BINARY}}

METRICS: Responses = {
    200: {
        "description": "All metrics in the Prometheus text format.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "fovea_requests_in_flight 1.0\n"}},
    }
}

FILTERS: Responses = {
    200: {
        "description": "The filters side by side, each scaled to its own range; or their weights.",
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
    """The problems that a route may return, each with an example."""
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    kind = PROBLEM_OF_STATUS[status]
    content = {"application/problem+json": {"schema": PROBLEM, "example": as_text(examples.problem(kind))}}
    found: dict[str, Any] = {"description": f"{HTTPStatus(status).phrase}. {kind.meaning}", "content": content}
    return found | ({"headers": RETRY_AFTER} if status in {429, 503} else {})


ON_EVERY_ROUTE = problems(403)
"""Responses of the checks that every request passes."""


def answers_with(
    one: type[AnswerStart], several: type[Schema], *statuses: int, content: dict[str, Any] | None = None
) -> Responses:
    """The responses of an image route: one answer or several, and the problems. content: further media types."""
    shown = examples.image_answers(one, several, ERROR_PROBLEMS[errors.UnsupportedImage])
    answer: dict[str, Any] = {
        "model": one | several,
        "description": "One image: its answer. Several: `results`, an answer or a problem for each, in order.",
        "content": {"application/json": {"examples": shown}, **(content or {})},
    }
    return {200: answer, **problems(*sorted({*IMAGE_STATUSES, *statuses}))}


def conditional(success: Responses) -> Responses:
    """The responses of a route with entity tags. success: its response with status 200."""
    unchanged = {"description": "The client has the current content, as its If-None-Match says.", "headers": ETAG}
    return {200: {**success[200], "headers": ETAG}, 304: unchanged}


def example(model: BaseModel) -> Responses:
    """The example of a successful response."""
    return {200: {"content": {"application/json": {"example": as_text(model)}}}}
