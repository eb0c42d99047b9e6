"""`python -m benchmarks.soak.json_bodies`: how fast /livez answers while clients send large hostile JSON bodies."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.process import fovea

SIZE = 10 * 2**20

BODIES: dict[str, Callable[[], bytes]] = {
    "empty lists": lambda: b'{"image":[' + b"[]," * (SIZE // 3) + b"[]]}",
    "numbers": lambda: b'{"image":[' + b"1," * (SIZE // 2) + b"1]}",
    "nested lists": lambda: b'{"image":' + b"[" * SIZE,
    "members": lambda: b"{" + b",".join(b'"%d":1' % number for number in range(SIZE // 12)) + b"}",
    "whitespace": lambda: b" " * SIZE,
    "escapes": lambda: b'{"image":"' + b"\\u0041" * (SIZE // 6) + b'"}',
    "base64": lambda: b'{"image":"' + b"A" * SIZE + b'"}',
    "empty texts": lambda: b'{"image":[' + b'"",' * (SIZE // 3) + b'""]}',
}


def main() -> None:
    """Measure /livez without and with the attack, and the memory before and after it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak.json_bodies", description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="hostile bodies in all")
    parser.add_argument("--clients", type=int, default=8, help="clients that send at the same time")
    given = parser.parse_args()
    data = Path(tempfile.mkdtemp())
    try:
        with fovea("fovea", data) as server:
            url, before = f"http://127.0.0.1:{server.port}", server.megabytes
            quiet = asyncio.run(_livez(url, 10.0))
            loaded, statuses = asyncio.run(_attacked(url, given.requests, given.clients))
            print(
                json.dumps(
                    {
                        "requests": given.requests,
                        "livez_quiet_ms": quiet,
                        "livez_attacked_ms": loaded,
                        "statuses": statuses,
                        "mb_before": round(before),
                        "mb_after": round(server.megabytes),
                    },
                    indent=2,
                )
            )
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def _attacked(url: str, requests: int, clients: int) -> tuple[dict[str, float], dict[str, int]]:
    bodies, statuses = [make() for make in BODIES.values()], dict[str, int]()
    left = iter(range(requests))

    async def attack(client: httpx.AsyncClient) -> None:
        for number in left:
            headers = {"Content-Type": "application/json"}
            try:
                status = str(
                    (
                        await client.post(url + "/predict", content=bodies[number % len(bodies)], headers=headers)
                    ).status_code
                )
            except httpx.TransportError as error:
                status = type(error).__name__
            statuses[status] = statuses.get(status, 0) + 1

    async with httpx.AsyncClient(timeout=60) as client:
        probe = asyncio.create_task(_livez(url, float("inf")))
        await asyncio.gather(*(attack(client) for _ in range(clients)))
        probe.cancel()
        return await probe, statuses


async def _livez(url: str, seconds: float) -> dict[str, Any]:
    """Percentiles of the answer time in ms, one request after the other, until the time is over or it is cancelled."""
    times, begun = [], time.monotonic()
    async with httpx.AsyncClient(timeout=60) as client:
        with suppress(asyncio.CancelledError):
            while time.monotonic() - begun < seconds:
                sent = time.perf_counter()
                (await client.get(url + "/livez")).raise_for_status()
                times.append((time.perf_counter() - sent) * 1000)
                await asyncio.sleep(0.01)
    p50, p99, most = np.percentile(times, (50, 99, 100)).round(1).tolist()
    return {"n": len(times), "p50": p50, "p99": p99, "max": most}


if __name__ == "__main__":
    main()
