"""Load on a server over loopback: a closed loop of patient clients, or Poisson arrivals that wait for nobody.

The client is raw sockets under asyncio, since it shares the cores with the server that it measures.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from dataclasses import dataclass, field

MAX_IDLE_SECONDS = 3.0
"""After these a connection is opened anew: servers close those that are idle, uvicorn after five seconds."""


@dataclass(frozen=True)
class Target:
    """One address of one server, and what is sent there. body: of a multipart form."""

    port: int
    path: str
    body: bytes = b""
    content_type: str = ""

    @property
    def request(self) -> bytes:
        """The whole request as it goes over the wire."""
        kind = f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n" if self.body else ""
        verb = "POST" if self.body else "GET"
        return f"{verb} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}\r\n".encode() + self.body


@dataclass
class Seen:
    """What came back. milliseconds: of answers with status 200; refusal_milliseconds: of 429; late: answers with 503;
    failed: anything else.
    """

    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    refusal_milliseconds: list[float] = field(default_factory=list)
    late: int = 0
    failed: int = 0

    @property
    def refused(self) -> int:
        """Answers with status 429 or 503."""
        return len(self.refusal_milliseconds) + self.late

    def note(self, status: int, milliseconds: float) -> None:
        """Count one answer."""
        if status == 200:
            self.milliseconds.append(milliseconds)
        elif status == 429:
            self.refusal_milliseconds.append(milliseconds)
        elif status == 503:
            self.late += 1
        else:
            self.failed += 1

    @property
    def goodput(self) -> float:
        """Answers with status 200 a second."""
        return len(self.milliseconds) / self.seconds if self.seconds else 0.0

    def percentile(self, percent: float) -> float:
        """Of the milliseconds; NaN where nothing was answered."""
        return percentile(self.milliseconds, percent)

    def figures(self) -> dict[str, float]:
        """For the table and the JSON."""
        return {
            "goodput": round(self.goodput, 1),
            "p50_ms": round(self.percentile(50), 1),
            "p99_ms": round(self.percentile(99), 1),
            "refused": self.refused,
            "failed": self.failed,
        }


def percentile(values: list[float], percent: float) -> float:
    """A percentile, without interpolation; NaN for no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(percent / 100 * len(ordered)))] if ordered else float("nan")


def form(jpeg: bytes, name: str = "image") -> tuple[bytes, str]:
    """A multipart form with one picture, and its Content-Type."""
    edge = "fovea-benchmark"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"\r\nContent-Type: image/jpeg'
    return f"{head}\r\n\r\n".encode() + jpeg + f"\r\n--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


class Connection:
    """One kept-alive connection."""

    def __init__(self, target: Target) -> None:
        self.target, self._request = target, target.request
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    async def ask(self) -> tuple[int, bytes]:
        """Status and body of one request; status 0 where the connection broke."""
        if time.perf_counter() - self._used > MAX_IDLE_SECONDS:
            self.close()
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self.target.port, limit=2**20)
            reader, writer = self._streams
            writer.write(self._request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            status = int(head[9:12])
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            body = await reader.readexactly(length)
            if b"connection: close" in head:
                self.close()
        except (OSError, EOFError, ValueError):
            self.close()
            return 0, b""
        self._used = time.perf_counter()
        return status, body

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def closed(target: Target, clients: int, seconds: float) -> Seen:
    """Each client asks again as soon as it is answered."""
    seen, begun = Seen(), time.perf_counter()

    async def client() -> None:
        connection = Connection(target)
        while time.perf_counter() - begun < seconds:
            asked = time.perf_counter()
            status, _ = await connection.ask()
            seen.note(status, 1000 * (time.perf_counter() - asked))
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    seen.seconds = time.perf_counter() - begun
    return seen


async def poisson(target: Target, rate: float, seconds: float, seed: int = 0) -> Seen:
    """Arrivals at `rate` a second for so long, whatever becomes of the earlier ones; then all answers are awaited."""
    seen, begun, generator = Seen(), time.perf_counter(), random.Random(seed)
    idle: list[Connection] = []
    underway: set[asyncio.Task[None]] = set()

    async def one() -> None:
        connection = idle.pop() if idle else Connection(target)
        asked = time.perf_counter()
        status, _ = await connection.ask()
        seen.note(status, 1000 * (time.perf_counter() - asked))
        idle.append(connection)

    due = begun
    while due < begun + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        underway.add(task := asyncio.create_task(one()))
        task.add_done_callback(underway.discard)
        due += generator.expovariate(rate)
    await asyncio.gather(*underway)
    seen.seconds = time.perf_counter() - begun
    for connection in idle:
        connection.close()
    return seen


async def beside(target: Target, work: asyncio.Task[Seen], pause: float = 0.05) -> Seen:
    """One patient client that asks every `pause` seconds for as long as the work goes on."""
    seen, begun, connection = Seen(), time.perf_counter(), Connection(target)
    while not work.done():
        asked = time.perf_counter()
        status, _ = await connection.ask()
        seen.note(status, 1000 * (time.perf_counter() - asked))
        await asyncio.sleep(pause)
    connection.close()
    seen.seconds = time.perf_counter() - begun
    return seen


def median(rounds: list[Seen]) -> dict[str, float]:
    """The median of each figure over several rounds."""
    figures = [seen.figures() for seen in rounds]
    return {name: round(statistics.median(one[name] for one in figures), 1) for name in figures[0]}
