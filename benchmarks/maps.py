"""How long a map of a collection takes, from the question to the map that is kept, and a new image on it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import PIXEL_SIDE, Collection, Item
from service.collections.fingerprint import Fingerprint
from service.collections.library import Library
from service.collections.projection import PROJECTION_METHODS, ProjectionRequest
from service.collections.projections import operations
from service.collections.store.interface import Store
from service.runtime.inference_service import InferenceService
from service.settings import Settings

DIM, CENTRES, TOGETHER = 512, 20, 1000
COUNT, PLACED = 10_000, 200


def maps(quick: bool, data: Path) -> dict[str, dict[str, float]]:
    """By method, 2-D: seconds of the fit, its child process's start and reading included, that process's memory in MB,
    and p50 and p99 milliseconds of placing a vector; what the network takes before that is in other tables."""
    count = COUNT // 5 if quick else COUNT
    return asyncio.run(_measured(count, data / "maps"))


async def _measured(count: int, folder: Path) -> dict[str, dict[str, float]]:
    library = Library(InferenceService(Settings(collections=str(folder))))
    try:
        await library.with_store(lambda store: _fill(store, count))
        fresh = clouds(PLACED, 2)
        return {
            f"{method} of {count} x {DIM}": await _one(library, ProjectionRequest(method), fresh)
            for method in PROJECTION_METHODS
        }
    finally:
        await library.close()


async def _one(library: Library, request: ProjectionRequest, fresh: NDArray[np.float32]) -> dict[str, float]:
    peaks = [0.0]
    begun = time.perf_counter()
    facts = await operations.compute_projection(
        library, "clouds", vars(request), lambda *_: peaks.append(_children_mb())
    )
    took = time.perf_counter() - begun
    index, times = await library.vector_index("clouds", "l2"), list[float]()

    def place(store: Store) -> None:
        projection = store.projections.get("clouds", facts.name)
        for vector in fresh:
            begun = time.perf_counter()
            operations.place_vector(store, index, "clouds", projection, vector)
            times.append((time.perf_counter() - begun) * 1000)

    await library.with_store(place)
    p50, p99 = np.percentile(times[10:], [50, 99])  # the first one reads the vectors
    figures = {"fit_s": round(took, 1), "memory_mb": round(max(peaks)), "place_p50_ms": round(float(p50), 2)}
    return figures | {"place_p99_ms": round(float(p99), 2)}


def _children_mb() -> float:
    """The most that any child has held so far. Its resource usage would count what we held when it began."""
    children = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    found = [re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in children]
    return max((int(one[1]) / 1024 for one in found if one), default=0.0)


def clouds(count: int, seed: int) -> NDArray[np.float32]:
    """Vectors [count, 512] around twenty centres."""
    centres, random = np.random.default_rng(0).normal(size=(CENTRES, DIM)), np.random.default_rng(seed)
    return (centres[random.integers(0, CENTRES, count)] + random.normal(size=(count, DIM))).astype(np.float32)


def _fill(store: Store, count: int) -> None:
    nothing = Fingerprint(weights_sha256="0" * 64, layer="none")
    store.collections.create(Collection("clouds", "none", nothing, DIM))
    items = [_item(vector) for vector in clouds(count, 1)]
    for start in range(0, count, TOGETHER):
        store.items.add("clouds", items[start : start + TOGETHER])


def _item(vector: NDArray[np.float32]) -> Item:
    nothing = np.zeros((1, 1), np.float16)
    return Item(
        sha256=hashlib.sha256(vector.tobytes()).hexdigest(), name="", label="", predicted=0,
        probabilities=np.ones(1, np.float32), embedding=vector, pixels=np.zeros((PIXEL_SIDE, PIXEL_SIDE, 3), np.uint8),
        unit_maxima=nothing[0], maps=nothing[None], mapped_classes=(0,), field=nothing,
    )  # fmt: skip
