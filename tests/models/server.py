"""A real HTTP server on loopback that serves one file, well or in one of many bad ways."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What is served. failures: statuses answered first, one a request. cut: bytes after which the first `cuts`
    answers break off. ranges: whether Range is understood. seen: the path and Range header of every request."""

    files: dict[str, bytes]
    failures: list[int] = field(default_factory=list)
    cut: int = 0
    cuts: int = 0
    ranges: bool = True
    redirect: str = ""
    url: str = ""
    seen: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve on a free port of 127.0.0.1; `site.url` is the base, without a trailing slash."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

        def do_GET(self) -> None:
            _answer(self, site)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    asked = request.headers.get("Range")
    site.seen.append((request.path, asked))
    body = site.files.get(request.path.lstrip("/"))
    if site.failures:
        _send(request, site.failures.pop(0), b"")
    elif site.redirect:
        _send(request, 302, b"", Location=site.redirect)
    elif body is None:
        _send(request, 404, b"")
    elif asked and site.ranges:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(body):
            _send(request, 416, b"", **{"Content-Range": f"bytes */{len(body)}"})
        else:
            _body(request, site, 206, body[start:], **{"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})
    else:
        _body(request, site, 200, body)


def _body(request: BaseHTTPRequestHandler, site: Site, status: int, body: bytes, **headers: str) -> None:
    if site.cuts > 0:
        site.cuts -= 1
        _send(request, status, body[: site.cut], length=len(body), **headers)
        request.close_connection = True
    else:
        _send(request, status, body, **headers)


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
