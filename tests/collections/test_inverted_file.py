"""Neighbours against the plain definition, in double precision."""

from __future__ import annotations

import numpy as np
import pytest

from service.collections.inverted_file import InvertedFile, Metric


def far(vectors: np.ndarray, query: np.ndarray, metric: Metric) -> np.ndarray:
    v, q = vectors.astype(np.float64), query.astype(np.float64)
    if metric == "l2":
        return np.sqrt(((v - q) ** 2).sum(1))
    return 1 - v @ q / np.linalg.norm(v, axis=1) / np.linalg.norm(q)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_a_small_set_is_searched_exactly(metric: Metric) -> None:
    """Also far from the origin, where squares cancel (tried: distances from the rough formula fail)."""
    rng = np.random.default_rng(1)
    vectors = (rng.normal(size=(500, 16)) + 30).astype(np.float32)
    index = InvertedFile.build(np.arange(len(vectors)), vectors, metric)
    for query in (rng.normal(size=(20, 16)) + 30).astype(np.float32):
        places, distances = index.search(query, 7)
        true = far(vectors, query, metric)
        assert set(places.tolist()) == set(np.argsort(true)[:7].tolist())
        assert np.allclose(distances, np.sort(true)[:7], atol=1e-5)


def test_a_large_set_is_searched_well_and_its_own_members_are_found() -> None:
    rng = np.random.default_rng(2)
    vectors = (rng.normal(size=(64, 32))[rng.integers(0, 64, 6000)] + 0.5 * rng.normal(size=(6000, 32))).astype("f4")
    index = InvertedFile.build(np.arange(6000), vectors, "l2", max_exact=1000, groups=64)
    hits = 0
    for place in range(0, 6000, 100):
        places, distances = index.search(vectors[place], 10, probes=12)
        assert places[0] == place
        assert distances[0] == 0
        hits += len(set(places.tolist()) & set(np.argsort(far(vectors, vectors[place], "l2"))[:10].tolist()))
    assert hits / 600 >= 0.98


def test_more_neighbours_than_there_are_gives_all_and_vectors_without_length_are_borne() -> None:
    index = InvertedFile.build(np.arange(3), np.zeros((3, 4), np.float32), "cosine")
    places, distances = index.search(np.zeros(4, np.float32), 10)
    assert places.tolist() == [0, 1, 2]
    assert np.isfinite(distances).all()
