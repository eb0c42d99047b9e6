"""GET /version."""

from __future__ import annotations

from fastapi import APIRouter

from service import __version__
from service.api.openapi.responses import example, problems
from service.api.schemas.base import Schema

router = APIRouter(tags=["operation"])


class Version(Schema):
    """The version of the running service."""

    version: str
    """Semantic Versioning; the same as in the OpenAPI document."""


@router.get("/version", responses=example(Version(version=__version__)) | problems(422))
async def get_version() -> Version:
    """Return the version of the service."""
    return Version(version=__version__)
