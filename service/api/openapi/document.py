"""The general parts of the OpenAPI document: description, tags and operation ids."""

from __future__ import annotations

from typing import Any

from fastapi.routing import APIRoute

DESCRIPTION = """An image classifier's answer **and the reason for it**.

Send an image in any of three ways: as a form (`curl -F image=@retina.jpg`), as bytes
(`curl -H 'Content-Type: image/jpeg' --data-binary @retina.jpg`), or as JSON (`{"image": "<base64>"}`).
One image returns one answer; several return `{"results": [...]}` in the order of the request. Every error is a problem
(RFC 9457) whose detail says what is wrong and how to correct it.
"""

SERVER = {"url": ".", "description": "This service. The address is relative to that of this document."}
"""Relative, so that Swagger UI and generated clients also work behind a proxy that adds a path prefix."""

TAGS = [
    {"name": "answers", "description": "Class scores, explanations and vectors of images."},
    {"name": "collections", "description": "Reference sets of images: similar images, projections and reports."},
    {
        "name": "jobs",
        "description": "Work that takes longer than a request: its progress, its result, and how to cancel it.",
    },
    {"name": "models", "description": "The models of the service, their state and their model cards."},
    {"name": "methods", "description": "The explanation methods."},
    {"name": "operation", "description": "Probes, metrics, version, and the meaning of problems."},
]


def operation_id(route: APIRoute) -> str:
    """The name of the route's function in camelCase: `place_on_projection` becomes `placeOnProjection`."""
    first, *rest = route.name.split("_")
    return first + "".join(map(str.title, rest))


def with_parameter_examples(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with an `example` in each required parameter whose schema has examples.

    Swagger UI fills in the example of a parameter, but not those of its schema.
    """
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                if parameter["required"] and "examples" in parameter["schema"]:
                    parameter["example"] = parameter["schema"]["examples"][0]
    return document
