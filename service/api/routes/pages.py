"""Pages for people: the start page, and Swagger UI from our own disk. Nothing is loaded from anywhere else."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
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


class OwnFiles(StaticFiles):
    """Files that come with the service: a browser may keep them, and asks each time whether they are still the same."""

    def file_response(self, *args: Any, **named: Any) -> Response:
        """The file, or 304 where the browser has it."""
        response = super().file_response(*args, **named)
        response.headers["Cache-Control"] = "no-cache"
        return response


router = APIRouter(include_in_schema=False)

MOUNTS: tuple[BaseRoute, ...] = (
    Mount("/page", OwnFiles(directory=PAGE), name="page"),
    Mount("/docs/own", OwnFiles(directory=STATIC), name="own"),
    Mount("/docs/swagger", OwnFiles(directory=SWAGGER), name="swagger"),
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
