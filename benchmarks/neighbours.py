"""How fast and how right neighbours are found among many vectors: `python -m benchmarks.neighbours [--quick]`."""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray

from service.collections.inverted_file import InvertedFile

DIM, QUERIES, K = 512, 100, 10


def clustered(count: int, seed: int) -> NDArray[np.float32]:
    """Vectors around 2000 centres, spread half as wide as the centres: embeddings of images come in such clouds."""
    centres = np.random.default_rng(0).normal(size=(2000, DIM)).astype(np.float32)
    random = np.random.default_rng(seed)
    rows = random.standard_normal((count, DIM), np.float32)
    rows *= 0.5
    rows += centres[random.integers(0, len(centres), count)]
    return rows


def scattered(count: int, seed: int) -> NDArray[np.float32]:
    """Vectors without any structure: the worst there is, for every method."""
    return np.random.default_rng(seed).standard_normal((count, DIM), np.float32)


KINDS = {"clustered": clustered, "random": scattered}


def measure(kind: str, count: int) -> dict[str, float]:
    """build_s, p50_ms, p99_ms and recall (of the true ten nearest) of L2 searches among `count` vectors."""
    vectors, queries = KINDS[kind](count, 1), KINDS[kind](QUERIES, 2)
    squares = np.einsum("nd,nd->n", vectors, vectors)
    true = [set(np.argpartition(squares - 2 * (vectors @ query), K)[:K].tolist()) for query in queries]
    begun = time.perf_counter()
    index = InvertedFile.build(np.arange(count), vectors, "l2")
    built = time.perf_counter() - begun
    times, hits = [], 0
    for query, nearest in zip(queries, true, strict=True):
        begun = time.perf_counter()
        ids, _ = index.search(query, K)
        times.append((time.perf_counter() - begun) * 1000)
        hits += len(nearest & set(ids.tolist()))
    p50, p99 = np.percentile(times, [50, 99])
    return {"build_s": built, "p50_ms": float(p50), "p99_ms": float(p99), "recall": hits / (K * QUERIES)}


def neighbours(quick: bool) -> dict[str, dict[str, float]]:
    """Both kinds of vectors: a million of each, or quickly 150 000."""
    count = 150_000 if quick else 1_000_000
    return {f"{count} x {DIM} {kind}": measure(kind, count) for kind in KINDS}


if __name__ == "__main__":
    for name, figures in neighbours("--quick" in sys.argv).items():
        print(name, ", ".join(f"{key} {value:.3g}" for key, value in figures.items()))
