"""Cross-origin requests: browsers refuse those of other web pages, except of the origins in FOVEA_ALLOWED_ORIGINS."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

METHODS = ("GET", "HEAD", "POST", "DELETE")


def add_cors(app: FastAPI, origins: tuple[str, ...]) -> None:
    """Let pages of these origins call the API, without cookies. Without origins, responses have no CORS headers."""
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=METHODS, allow_headers=["*"], expose_headers=["*"]
        )
