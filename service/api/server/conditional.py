"""Conditional requests (RFC 9110): entity tags, and 304 for a client that has the current content."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response


def conditional_response(request: Request, content: bytes, media_type: str = "application/json") -> Response:
    """The content with an entity tag, or 304 without it if the request's If-None-Match has this tag.

    Clients may cache the response, but must revalidate it before each use.
    """
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if _matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def _matches(if_none_match: str, etag: str) -> bool:
    """Weak comparison, because proxies that compress weaken entity tags."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
