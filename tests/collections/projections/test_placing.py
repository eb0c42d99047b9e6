"""A new image on a finished map: near what it is like, and PCA to the digit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from service.collections.collection import Revision
from service.collections.projection import MethodName, Projection, ProjectionFacts, ProjectionRequest
from service.collections.projections import fitting, placing
from tests.collections.clouds import cloudy

pytestmark = pytest.mark.filterwarnings("ignore:.*Tensorflow:ImportWarning", "ignore:.*precomputed_knn:UserWarning")

COUNT = 150


def mapped(method: MethodName, dimensions: int = 2) -> tuple[Projection, NDArray[np.float32], NDArray[np.int64]]:
    vectors, which = cloudy(COUNT)
    request = ProjectionRequest(method, dimensions)
    parameters = request.resolve(COUNT)
    found = fitting.fit(method, fitting.FitTask(vectors, dimensions, parameters))
    facts = ProjectionFacts(method, dimensions, parameters, found.quality, COUNT, Revision(1, 0, COUNT), 0.0)
    return Projection(facts, np.arange(COUNT), found.coordinates.astype(np.float32), found.basis), vectors, which


def put(found: Projection, vectors: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float64]:
    away = np.sqrt(((vectors - vector) ** 2).sum(1))
    rows = np.argsort(away, kind="stable")[: placing.neighbors_needed(found)]
    return placing.place(found, vector, rows, away[rows])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_pca_places_exactly(dimensions: int) -> None:
    found, vectors, _ = mapped("pca", dimensions)
    placed = np.array([put(found, vectors, vector) for vector in vectors])
    assert np.allclose(placed, found.coordinates, atol=1e-4)
    centre = vectors.astype(np.float64).mean(0)
    assert np.allclose(put(found, vectors, centre.astype(np.float32)), 0, atol=1e-4)


@pytest.mark.heavy
@pytest.mark.parametrize("method", ["tsne", "umap"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_an_image_of_the_map_lands_on_or_beside_its_own_point(method: MethodName, dimensions: int) -> None:
    """Nearer than a tenth of the way to a point at random, in the median; fails with rows of another order (tried)."""
    found, vectors, _ = mapped(method, dimensions)
    rounding = np.random.default_rng(1).normal(0, 1e-5, vectors.shape).astype(np.float32)  # as in another batch
    placed = np.array([put(found, vectors, vector) for vector in vectors + rounding])
    away = np.linalg.norm(placed - found.coordinates, axis=1)
    shuffled = found.coordinates[np.random.default_rng(0).permutation(COUNT)]
    assert np.median(away) < 0.1 * np.median(np.linalg.norm(placed - shuffled, axis=1))
    assert method == "tsne" or away.max() == 0


@pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=pytest.mark.heavy)])
def test_a_new_image_lands_among_its_like(method: MethodName) -> None:
    found, vectors, which = mapped(method)
    fresh, theirs = cloudy(60, seed=5)
    placed = np.array([put(found, vectors, vector) for vector in fresh])
    nearest = np.linalg.norm(placed[:, None] - found.coordinates[None], axis=2).argmin(1)
    assert (which[nearest] == theirs).mean() > 0.95
    centres = np.array([found.coordinates[which == cloud].mean(0) for cloud in range(4)])
    spread = np.linalg.norm(found.coordinates - centres[which], axis=1)
    assert np.median(np.linalg.norm(placed - centres[theirs], axis=1)) < 2 * np.median(spread)


def test_t_sne_places_where_the_library_would() -> None:
    """openTSNE's own transform, on the fitted object that is not kept here."""
    from openTSNE import TSNE

    vectors, _ = cloudy(COUNT)
    embedding = TSNE(perplexity=20, random_state=0, negative_gradient_method="bh").fit(vectors.astype(np.float64))
    fresh, _ = cloudy(40, seed=5)
    theirs = np.asarray(embedding.transform(fresh.astype(np.float64)))
    facts = ProjectionFacts("tsne", 2, {"perplexity": 20}, {}, COUNT, Revision(1, 0, COUNT), 0.0)
    found = Projection(facts, np.arange(COUNT), np.asarray(embedding, np.float32))
    ours = np.array([put(found, vectors, vector) for vector in fresh])
    scale = np.linalg.norm(found.coordinates - found.coordinates.mean(0), axis=1).mean()
    assert np.median(np.linalg.norm(ours - theirs, axis=1)) < 0.05 * scale


@pytest.mark.parametrize("perplexity", [2.0, 5.0, 12.0])
def test_the_perplexity_is_what_was_asked_for(perplexity: float) -> None:
    p = placing.gaussian(np.linspace(1, 4, 15), perplexity)
    assert np.exp(-(p * np.log(p)).sum()) == pytest.approx(perplexity, rel=1e-6)
    assert (np.diff(p) < 0).all()
    assert np.allclose(placing.gaussian(np.ones(15), perplexity), 1 / 15)


def test_memberships_of_u_map_add_up() -> None:
    """Σ exp(-d / σ) = log2(k), the rule that the library calibrates by."""
    away = np.sort(np.random.default_rng(0).random(15)) + 0.5
    sigma = placing.bisect(lambda sigma: float(np.exp(-away / sigma).sum()) - np.log2(15), 1.0)
    points = np.random.default_rng(1).normal(size=(15, 2))
    weights = np.exp(-away / sigma)
    assert weights.sum() == pytest.approx(np.log2(15), rel=1e-6)
    assert np.allclose(placing._umap(points, away), weights @ points / weights.sum())
