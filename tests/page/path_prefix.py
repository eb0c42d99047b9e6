"""A proxy that serves another server below a path prefix and removes the prefix, as nginx does."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

PREFIX = "/tools/fovea"
HOP_BY_HOP = {"transfer-encoding", "content-length", "connection"}


@contextmanager
def below_prefix(port: int) -> Iterator[str]:
    """The address of the proxy with the prefix. port: of the server, on this machine."""
    handler = type("Handler", (PrefixHandler,), {"target": port})
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}{PREFIX}"
    finally:
        proxy.shutdown()
        proxy.server_close()


class PrefixHandler(BaseHTTPRequestHandler):
    """Removes the prefix and forwards the request; anything outside of the prefix is 404."""

    protocol_version = "HTTP/1.1"
    target = 0

    def forward(self) -> None:
        """Forward one request and its response."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.path.startswith(f"{PREFIX}/"):
            self._respond(404, [], b"")
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)
        connection.request(
            self.command, self.path.removeprefix(PREFIX), body, headers | {"Host": f"127.0.0.1:{self.target}"}
        )
        response = connection.getresponse()
        self._respond(response.status, response.getheaders(), response.read())
        connection.close()

    do_GET = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815  the names of the standard library

    def _respond(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is logged."""
