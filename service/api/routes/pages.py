"""The viewer, Swagger UI and the OpenAPI document. All files of the pages come from this service."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.routing import BaseRoute, Mount

from service.api.server.conditional import conditional_response
from service.api.server.static_files import CompressedStaticFiles

API = Path(__file__).parent.parent
PAGE, STATIC = API / "page", API / "static"
SWAGGER = Path(str(files("fastapi_swagger.resources")))

VIEWER_CSP = "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'self'"
"""Content-Security-Policy of the viewer, which shows the pictures in answers and the images the user chose."""

SWAGGER_CSP = VIEWER_CSP + "; style-src 'self' 'unsafe-inline'"
"""Content-Security-Policy of Swagger UI, which also sets inline styles."""


router = APIRouter(include_in_schema=False)

page_files, docs_files = CompressedStaticFiles(directory=PAGE), CompressedStaticFiles(directory=STATIC)

MOUNTS: tuple[BaseRoute, ...] = (
    Mount("/page", page_files, name="page"),
    Mount("/docs/own", docs_files, name="own"),
    Mount("/docs/swagger", CompressedStaticFiles(directory=SWAGGER), name="swagger"),
)
"""Static files: of the viewer, of the documentation page, and of Swagger UI."""


@router.get("/")
async def get_viewer(request: Request) -> Response:
    """Return the viewer."""
    return await _html(VIEWER_CSP, page_files, "index.html", request)


@router.get("/docs")
async def get_docs(request: Request) -> Response:
    """Return Swagger UI."""
    return await _html(SWAGGER_CSP, docs_files, "docs.html", request)


@router.get("/openapi.json")
async def get_openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return conditional_response(request, request.app.openapi_json)


async def _html(csp: str, folder: CompressedStaticFiles, name: str, request: Request) -> Response:
    """A page with its own Content-Security-Policy."""
    response = await folder.get_response(name, request.scope)
    response.headers["Content-Security-Policy"] = csp
    return response
