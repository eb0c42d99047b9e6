"""The service as a process of its own: slow clients, orderly ends, and a loop that nothing blocks."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.forked import ForkedCommand
from tests.runtime.test_answers import picture

PATIENCE = 2.0


class Running:
    """A server process; `log` is what it has said so far."""

    def __init__(self, process: ForkedCommand, log: Path) -> None:
        self.process, self._log = process, log
        self.port = int(self._wait_for(r"running on http://127\.0\.0\.1:(\d+)")[1])
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        while self.client.get("/readyz").status_code != 200:
            time.sleep(0.05)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def _wait_for(self, pattern: str) -> re.Match[str]:
        for _ in range(9000):
            found = re.search(pattern, self.log)
            if found:
                return found
            assert self.process.poll() is None, self.log
            time.sleep(0.02)
        raise AssertionError(self.log)

    def connect(self, receive_buffer: int = 0) -> socket.socket:
        """A plain connection."""
        plug = socket.socket()
        if receive_buffer:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plug.settimeout(60)
        try:
            plug.connect(("127.0.0.1", self.port))
        except OSError:
            plug.close()
            raise
        return plug


@contextmanager
def serving(zoo: Path, folder: Path, *flags: str) -> Iterator[Running]:
    log = folder / "log.txt"
    log.write_text("")
    variables = {"OMP_NUM_THREADS": "1", "FOVEA_DATA_DIR": str(folder / "data"), "FOVEA_DECODE_WORKERS": "1"}
    process = ForkedCommand(
        ["serve", "--port", "0", "--registry", str(zoo), "--engine", "torch", *flags], log, variables
    )
    running = None
    try:
        running = Running(process, log)
        yield running
    finally:
        process.kill()
        process.wait()
        if running is not None:
            running.client.close()


@pytest.fixture(scope="module")
def server(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    with serving(zoo, folder, "--receive-seconds", str(PATIENCE), "--max-image-bytes", "100000") as running:
        yield running


def closed(plug: socket.socket) -> bytes:
    """Everything the server sends until it closes the connection."""
    said = b""
    try:
        while True:
            piece = plug.recv(65536)
            if not piece:
                return said
            said += piece
    except ConnectionResetError:
        return said


POST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
SLOW = {
    "nothing at all": b"",
    "half a request line": b"GET /live",
    "half a header": POST + b"X-Half: ",
    "no body": POST + b"Content-Length: 1000\r\n\r\n",
    "half a body": POST + b"Content-Length: 1000\r\n\r\n" + b"x" * 500,
    "half a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n1000\r\nx",
    "a refused body": POST.replace(b"/predict", b"/nowhere") + b"Content-Length: 1000000\r\n\r\nx",
    "nothing after an answer": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "half a second request": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /li",
}


@pytest.mark.parametrize("said", SLOW)
def test_a_client_who_stops_talking_is_let_go(server: Running, said: str) -> None:
    with server.connect() as plug:
        plug.sendall(SLOW[said])
        heard = closed(plug)
    if "body" in said or "chunk" in said:
        assert heard.startswith(b"HTTP/1.1 4")
        assert b"application/problem+json" in heard


def test_a_hundred_slow_clients_harm_nobody(server: Running) -> None:
    plugs = [server.connect() for _ in range(100)]
    for plug, said in zip(plugs, list(SLOW.values()) * 12, strict=False):
        plug.sendall(said)
    image = picture(0)
    answers = [server.client.post("/predict", content=image).status_code for _ in range(20)]
    for plug in plugs:
        closed(plug)
        plug.close()
    assert answers == [200] * 20
    assert in_flight(server) == 1


def in_flight(server: Running) -> float:
    text = server.client.get("/metrics").text
    found = re.search(r"^fovea_requests_in_flight (\S+)$", text, re.MULTILINE)
    assert found
    return float(found[1])


def test_a_client_who_does_not_read_is_let_go(server: Running) -> None:
    asking = b"GET /docs/swagger/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with server.connect(receive_buffer=4096) as plug:
        plug.sendall(asking * 8)
        while in_flight(server) < 2:
            time.sleep(0.02)
        for _ in range(200):
            if in_flight(server) == 1:
                break
            time.sleep(0.1)
        assert in_flight(server) == 1
        assert len(closed(plug)) < 8 * 1_600_000


@pytest.mark.parametrize("said", [b"GET /livez?" + b"x" * 70_000 + b" HTTP/1.1\r\n", b"this is not HTTP\r\n\r\n"])
def test_what_cannot_be_parsed_gets_a_problem_like_every_other(server: Running, said: bytes) -> None:
    with server.connect() as plug:
        plug.sendall(said)
        head, _, body = closed(plug).partition(b"\r\n\r\n")
    if head:  # a reset may overtake the answer
        told = json.loads(body)
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"content-type: application/problem+json" in head
        assert told["status"] == 400
        assert told["request_id"].encode() in head


def test_an_endless_header_is_cut_short(server: Running) -> None:
    with server.connect() as plug:
        plug.sendall(b"GET /livez HTTP/1.1\r\n")
        try:
            for number in range(300):
                plug.sendall(b"X-%d: " % number + b"y" * 1000 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert closed(plug)[:12] in {b"HTTP/1.1 400", b""}  # a reset may overtake the answer
    assert server.client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    "said", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: 5x\r\n\r\n"]
)
def test_what_is_no_http_is_refused(server: Running, said: bytes) -> None:
    with server.connect() as plug:
        plug.sendall(said)
        assert closed(plug).startswith(b"HTTP/1.1 400")


def test_curl_waits_for_leave_and_is_told_at_once(server: Running) -> None:
    with server.connect() as plug:
        plug.sendall(POST + b"Content-Length: 999999999\r\nExpect: 100-continue\r\n\r\n")
        said = plug.recv(65536)
    assert said.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in said


def test_many_requests_on_one_connection(server: Running) -> None:
    image = picture(1)
    first = server.client.post("/predict", content=image).json()
    for _ in range(10):
        assert server.client.post("/predict", content=b"").status_code == 400
        assert server.client.post("/nowhere", content=bytes(200_000)).status_code == 404
        again = server.client.post("/predict", content=image).json()
        assert again["predictions"] == first["predictions"]


def test_the_log_names_no_file_and_no_query(server: Running) -> None:
    canary = "JaneCanary1950"
    files = {"image": (f"{canary}.png", picture(2))}
    assert server.client.post(f"/predict?model={canary}", files=files).status_code == 404
    assert server.client.post("/predict", files=files, headers={"User-Agent": canary}).status_code == 200
    assert server.client.get(f"/{canary}").status_code == 404
    assert canary not in server.log
    assert "route=/predict status=200" in server.log


def test_sigterm_turns_away_then_finishes_then_ends(zoo: Path, tmp_path: Path) -> None:
    image = picture(3)
    head = POST + b"Content-Length: %d\r\n\r\n" % len(image)
    with serving(zoo, tmp_path, "--drain-seconds", "1.5") as running, running.connect() as plug:
        plug.sendall(head + image[:100])
        running.process.send_signal(signal.SIGTERM)
        while running.client.get("/readyz").status_code == 200:
            time.sleep(0.02)
        time.sleep(0.5)  # uvicorn looks ten times a second whether it should stop
        assert running.client.get("/livez").status_code == 200
        assert running.client.post("/predict", content=image).status_code == 200  # who is late is answered still
        while True:
            try:
                running.connect().close()
            except ConnectionRefusedError:
                break
            time.sleep(0.05)
        plug.sendall(image[100:])
        assert closed(plug).startswith(b"HTTP/1.1 200")
        assert running.process.wait(timeout=60) == 0
        assert "Traceback" not in running.log
        assert "Application shutdown complete" in running.log


async def test_sixty_four_clients_get_what_one_gets(zoo: Path, tmp_path: Path) -> None:
    asked = [
        (f"{path}{'&' if '?' in path else '?'}model={model}", picture(seed))
        for path in ("/predict", "/explain/gradcam?boxes=1", "/embed", "/analyze?methods=cam,layercam&embed=1")
        for model in ("tiny", "other")
        for seed in range(8)
    ]

    def said(response: httpx.Response) -> object:
        assert response.status_code == 200, response.text
        return {name: value for name, value in response.json().items() if name not in {"request_id", "timing_ms"}}

    with serving(zoo, tmp_path, "--max-wait-s", "60") as running:
        alone = [said(running.client.post(path, content=image)) for path, image in asked]
        async with httpx.AsyncClient(base_url=running.client.base_url, timeout=60) as client:
            together = await asyncio.gather(*(client.post(path, content=image) for path, image in asked))
    assert len(asked) == 64
    assert [said(response) for response in together] == alone
