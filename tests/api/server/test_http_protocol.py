"""Refusals reach clients that are still sending, directly and through proxies; and a server that stops says so."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.server.proxies import PROXIES, installed, proxy
from tests.api.test_serving import Running, closed, serving
from tests.models import tiny

MIB = 2**20
WRONG_FIELD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
FORM = "multipart/form-data; boundary=b"

REFUSALS: dict[str, tuple[str, str, bytes, int]] = {
    "an unknown query": ("/predict?x=1", "image/png", b"", 422),
    "a wrong field": ("/predict", FORM, WRONG_FIELD, 400),
    "a wrong type": ("/predict", "text/html", b"", 415),
    "too many bytes": ("/predict", "image/png", b"", 413),
    "an unknown address": ("/nowhere", "image/png", b"", 404),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("protocol")
    tiny.add(folder, "tiny", seed=1)
    with serving(folder, folder, "--receive-seconds", "1", "--max-image-bytes", str(4 * MIB)) as running:
        yield running


@pytest.fixture(scope="module", params=["directly", *PROXIES])
def port(request: pytest.FixtureRequest, server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if request.param == "directly":
        yield server.port
    elif not installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    else:
        with proxy(request.param, server.port, tmp_path_factory.mktemp(request.param)) as found:
            yield found


def head(path: str, content_type: str, nbytes: int, *further: str) -> bytes:
    lines = (f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}", f"Content-Length: {nbytes}")
    return "\r\n".join((*lines, *further, "", "")).encode()


def send(port: int, head: bytes, start: bytes, nbytes: int, pause: float = 0.0) -> bytes:
    """Send a whole request without reading, then the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plug:
        plug.sendall(head + start)
        left, piece = nbytes - len(start), bytes(256 * 1024)
        while left:
            left -= plug.send(piece[:left])
            time.sleep(pause)
        return plug.recv(65536)


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_arrives_although_the_body_is_large(port: int, refusal: str, connection: str) -> None:
    path, content_type, start, status = REFUSALS[refusal]
    for _ in range(3):
        asked = head(path, content_type, 16 * MIB, f"Connection: {connection}")
        assert send(port, asked, start, 16 * MIB).startswith(b"HTTP/1.1 %d " % status)


def test_a_refusal_arrives_although_the_body_is_slow(server: Running) -> None:
    """The body takes longer than `receive_seconds`, at twice the slowest rate that is allowed."""
    asked = head("/nowhere", "image/png", 2 * MIB)
    assert send(server.port, asked, b"", 2 * MIB, pause=0.4).startswith(b"HTTP/1.1 404 ")


def test_an_unread_body_that_never_ends_is_given_up(server: Running) -> None:
    with server.connect() as plug:
        plug.sendall(head("/nowhere", "image/png", 10**9) + bytes(1000))
        started = time.monotonic()
        assert closed(plug).startswith(b"HTTP/1.1 413 ")
        assert time.monotonic() - started < 20


@pytest.mark.parametrize(("path", "begins"), [("/predict", b"HTTP/1.1 100 "), ("/predict?x=1", b"HTTP/1.1 422 ")])
def test_a_client_that_waits_for_permission_gets_it_or_the_refusal(server: Running, path: str, begins: bytes) -> None:
    with server.connect() as plug:
        plug.sendall(head(path, "image/png", 1000, "Expect: 100-continue"))
        assert plug.recv(65536).startswith(begins)


def test_the_body_that_a_refused_client_does_not_send_is_not_taken_from_its_next_request(server: Running) -> None:
    with server.connect() as plug:
        plug.sendall(head("/predict?x=1", "image/png", 1000, "Expect: 100-continue"))
        assert b"connection: close" in plug.recv(65536).lower()


def test_pipelined_requests_are_all_answered(server: Running) -> None:
    one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    refused = head("/predict?x=1", "image/png", 1000) + bytes(1000)
    with server.connect() as plug:
        plug.sendall((one + refused) * 10 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answers = closed(plug)
    assert answers.count(b"HTTP/1.1 200 ") == 11
    assert answers.count(b"HTTP/1.1 422 ") == 10


def test_a_server_that_stops_tells_clients_to_go_elsewhere(tmp_path: Path) -> None:
    tiny.add(tmp_path, "tiny", seed=1)
    with serving(tmp_path, tmp_path, "--drain-seconds", "30") as running:
        assert "connection" not in running.client.get("/livez").headers
        running.process.send_signal(signal.SIGTERM)
        while running.client.get("/readyz").status_code == 200:
            time.sleep(0.01)
        assert running.client.get("/livez").headers["connection"] == "close"
