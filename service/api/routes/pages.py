"""Pages for people: the start page, and Swagger UI from our own disk. Nothing is loaded from anywhere else."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.routing import BaseRoute, Mount

from service.api.server.static_files import OwnFiles

HERE = Path(__file__).parent.parent
PAGE, STATIC = HERE / "page", HERE / "static"
SWAGGER = Path(str(files("fastapi_swagger.resources")))

PICTURES_CSP = (
    "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The start page shows the pictures that answers carry, and the ones its reader chose."""

SWAGGER_CSP = PICTURES_CSP + "; style-src 'self' 'unsafe-inline'"
"""Swagger UI sets styles of its own as well."""


router = APIRouter(include_in_schema=False)

page, own = OwnFiles(directory=PAGE), OwnFiles(directory=STATIC)

MOUNTS: tuple[BaseRoute, ...] = (
    Mount("/page", page, name="page"),
    Mount("/docs/own", own, name="own"),
    Mount("/docs/swagger", OwnFiles(directory=SWAGGER), name="swagger"),
)
"""Files as they lie on disk. What the start page needs stands under /page."""


@router.api_route("/", methods=["GET", "HEAD"])
async def start(request: Request) -> Response:
    """The start page."""
    return await _under(PICTURES_CSP, page, "index.html", request)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    """Swagger UI."""
    return await _under(SWAGGER_CSP, own, "docs.html", request)


async def _under(policy: str, folder: OwnFiles, name: str, request: Request) -> Response:
    """A file with a Content-Security-Policy of its own."""
    response = await folder.get_response(name, request.scope)
    response.headers["Content-Security-Policy"] = policy
    return response
