"""Files that come with the service, as browsers fetch them: texts with gzip, and nothing twice."""

from __future__ import annotations

import gzip
from functools import lru_cache
from os import PathLike, fspath, stat_result
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from service.api.server.negotiation import takes

TEXTS = frozenset({".html", ".css", ".js", ".svg"})
"""What gets smaller; pictures are compressed already."""


class OwnFiles(StaticFiles):
    """A folder of files. A browser may keep them, and asks each time whether they are still the same."""

    def lookup_path(self, path: str) -> tuple[str, stat_result | None]:
        """Where a file lies. This runs in a thread, so it is here that a text is compressed when first asked for."""
        full_path, found = super().lookup_path(path)
        if found and is_text(full_path):
            smaller(full_path, found.st_mtime_ns)
        return full_path, found

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, with gzip for those who take it, or 304 where the browser has it."""
        asked = Headers(scope=scope)
        response: Response = FileResponse(full_path, status_code, stat_result=stat_result)
        if is_text(full_path):
            if takes(asked.get("accept-encoding"), "gzip"):
                small = smaller(fspath(full_path), stat_result.st_mtime_ns)
                response = _compressed(response, b"" if scope["method"] == "HEAD" else small, len(small))
            response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = "no-cache"
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, asked) else response


def is_text(path: str | PathLike[str]) -> bool:
    """Whether gzip makes a file smaller."""
    return Path(path).suffix in TEXTS


@lru_cache(maxsize=256)
def smaller(path: str, changed: int) -> bytes:
    """A file with gzip. changed: when it was, in nanoseconds, so that an edited file is read again."""
    del changed
    return gzip.compress(Path(path).read_bytes(), mtime=0)


def _compressed(plain: Response, body: bytes, length: int) -> Response:
    """The same file in other bytes, and so under another entity tag; never in parts."""
    headers = {
        "Content-Encoding": "gzip",
        "Content-Length": str(length),
        "Content-Type": plain.headers["content-type"],
        "ETag": plain.headers["etag"][:-1] + '-gzip"',
        "Last-Modified": plain.headers["last-modified"],
    }
    return Response(body, plain.status_code, headers)
