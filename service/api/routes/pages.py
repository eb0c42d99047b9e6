"""Pages for people: the start page, and Swagger UI from our own disk. Nothing is loaded from anywhere else."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

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

MOUNTS: tuple[BaseRoute, ...] = (
    Mount("/page", StaticFiles(directory=PAGE), name="page"),
    Mount("/docs/own", StaticFiles(directory=STATIC), name="own"),
    Mount("/docs/swagger", StaticFiles(directory=SWAGGER), name="swagger"),
)
"""Files as they lie on disk. What the start page needs stands under /page."""


@router.get("/")
async def start() -> FileResponse:
    """The start page."""
    return FileResponse(PAGE / "index.html", headers={"Content-Security-Policy": PICTURES_CSP})


@router.get("/docs")
async def docs() -> FileResponse:
    """Swagger UI."""
    return FileResponse(STATIC / "docs.html", headers={"Content-Security-Policy": SWAGGER_CSP})
