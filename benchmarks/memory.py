"""What many requests leave behind."""

from __future__ import annotations

import asyncio
import statistics
from pathlib import Path

from benchmarks import load
from benchmarks.load import Target
from benchmarks.models import registry
from benchmarks.process import fovea
from benchmarks.subject import jpeg

SAMPLES = 20
FIRST, IMAGES = 380, 200
"""Sides of the pictures: more of them than the cache remembers, so that every request is computed."""


def memory(quick: bool, data: Path) -> dict[str, float]:
    """Memory of the service with five models loaded, over a number of explanations of them in turn, and how it grows.

    The slope is fitted over the second half, when caches and allocators have settled; its error is the fit's own.
    """
    total = 600 if quick else 10_000
    names = registry(data / "five", 5)
    with fovea("memory", data, feature_cache_mb=64, registry=data / "five") as server:
        targets = [
            Target(server.port, f"/explain/gradcam?model={name}", *load.form(jpeg(FIRST + side)))
            for side in range(IMAGES)
            for name in names
        ]
        sampled: list[tuple[int, float]] = []
        asked = 0
        while asked < total:
            share = targets[asked % len(targets) :][: total // SAMPLES]
            asyncio.run(_asked(share))
            asked += len(share)
            sampled.append((asked, server.megabytes))
    late = sampled[len(sampled) // 2 :]
    slope, error = _slope(late)
    return {
        "requests": asked,
        "first_mb": round(sampled[0][1]),
        "last_mb": round(sampled[-1][1]),
        "mb_per_1000_requests": round(1000 * slope, 3),
        "standard_error": round(1000 * error, 3),
    }


async def _asked(targets: list[Target]) -> None:
    """Every question once, by eight clients."""
    waiting = iter(targets)

    async def client() -> None:
        for target in waiting:
            connection = load.Connection(target)
            await connection.ask()
            connection.close()

    await asyncio.gather(*(client() for _ in range(8)))


def _slope(points: list[tuple[int, float]]) -> tuple[float, float]:
    """Least squares: the slope and its standard error."""
    xs, ys = [float(x) for x, _ in points], [y for _, y in points]
    line = statistics.linear_regression(xs, ys)
    spread = sum((x - statistics.mean(xs)) ** 2 for x in xs)
    left = sum((y - line.slope * x - line.intercept) ** 2 for x, y in points)
    return line.slope, (left / max(1, len(points) - 2) / spread) ** 0.5
