"""Static files for browsers: text with gzip, and 304 for files that the browser has cached."""

from __future__ import annotations

import gzip
from functools import lru_cache
from os import PathLike, fspath, stat_result
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from service.api.server.negotiation import accepts_coding

COMPRESSIBLE = frozenset({".html", ".css", ".js", ".svg"})
"""File types that gzip makes smaller. Pictures are compressed already."""


class CompressedStaticFiles(StaticFiles):
    """A folder of static files. Browsers may cache them, but must revalidate them for each use."""

    def lookup_path(self, path: str) -> tuple[str, stat_result | None]:
        """The path of a file. This runs in a thread, so a text file is compressed here at its first request."""
        full_path, found = super().lookup_path(path)
        if found and is_compressible(full_path):
            compressed(full_path, found.st_mtime_ns)
        return full_path, found

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, compressed if the client accepts gzip; or 304 if the client has it."""
        headers = Headers(scope=scope)
        response: Response = FileResponse(full_path, status_code, stat_result=stat_result)
        if is_compressible(full_path):
            if accepts_coding(headers.get("accept-encoding"), "gzip"):
                body = compressed(fspath(full_path), stat_result.st_mtime_ns)
                response = _gzip_response(response, body)
            response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = "no-cache"
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, headers) else response


def is_compressible(path: str | PathLike[str]) -> bool:
    """Whether gzip makes a file of this type smaller."""
    return Path(path).suffix in COMPRESSIBLE


@lru_cache(maxsize=256)
def compressed(path: str, mtime_ns: int) -> bytes:
    """A file's content with gzip. mtime_ns: part of the cache key, so that a changed file is read again."""
    del mtime_ns
    return gzip.compress(Path(path).read_bytes(), mtime=0)


def _gzip_response(plain: Response, body: bytes) -> Response:
    """The compressed file, with an entity tag of its own. Range requests do not apply to it."""
    headers = {
        "Content-Encoding": "gzip",
        "Content-Length": str(len(body)),
        "Content-Type": plain.headers["content-type"],
        "ETag": plain.headers["etag"][:-1] + '-gzip"',
        "Last-Modified": plain.headers["last-modified"],
    }
    return Response(body, plain.status_code, headers)
