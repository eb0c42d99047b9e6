"""The fits themselves: against second computations, and the same from the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from service.collections.projection import PROJECTION_METHODS, MethodName, ProjectionRequest
from service.collections.projections import fitting
from service.collections.projections.fitting import FitTask, fit, nearest
from service.errors import BadParameter
from tests.collections.clouds import CLOUDS, DIM, cloudy

pytestmark = pytest.mark.filterwarnings("ignore:.*Tensorflow:ImportWarning", "ignore:.*precomputed_knn:UserWarning")

Doubles = NDArray[np.float64]


def task(vectors: NDArray[np.float32], request: ProjectionRequest) -> FitTask:
    """On one thread: two would wait for each other while other tests run."""
    return FitTask(vectors, request.dimensions, request.resolve(len(vectors)))


def distances(points: NDArray[np.floating]) -> Doubles:
    return np.sqrt(((points[:, None].astype(np.float64) - points[None]) ** 2).sum(-1))


def apart(points: Doubles, which: NDArray[np.int64]) -> float:
    """The share of points whose nearest other is of the same cloud."""
    away = distances(points) + np.diag([np.inf] * len(points))
    return float((which[away.argmin(1)] == which).mean())


@pytest.mark.parametrize("dimensions", [2, 3])
def test_pca_is_the_singular_value_decomposition(dimensions: int) -> None:
    vectors, _ = cloudy(90)
    found = fit("pca", task(vectors, ProjectionRequest("pca", dimensions)))
    centred = vectors.astype(np.float64) - vectors.astype(np.float64).mean(0)
    U, S, V = np.linalg.svd(centred, full_matrices=False)
    assert np.allclose(found.quality["explained_variance"], (S**2 / (S**2).sum())[:dimensions])
    assert np.allclose(np.abs(found.coordinates), np.abs(U * S)[:, :dimensions], atol=1e-9)
    assert np.allclose(np.abs(found.basis["components"]), np.abs(V[:dimensions]), atol=1e-9)


def divergence(vectors: NDArray[np.float32], points: Doubles, perplexity: float) -> float:
    """KL(P || Q) as the paper defines it, over all pairs, without any of the library's code."""
    away, n = distances(vectors), len(vectors)
    P = np.zeros((n, n))
    for i in range(n):
        others = np.argsort(np.where(np.arange(n) == i, np.inf, away[i]))[: int(np.ceil(3 * perplexity))]
        low, high = 1e-6, 1e6
        for _ in range(100):
            beta = np.sqrt(low * high)
            p = np.exp(-beta * (away[i, others] ** 2 - away[i, others[0]] ** 2))
            p /= p.sum()
            entropy = -(p * np.log(np.maximum(p, 1e-300))).sum()
            low, high = (beta, high) if entropy > np.log(perplexity) else (low, beta)
        P[i, others] = p
    P = (P + P.T) / (2 * n)
    W = 1 / (1 + distances(points) ** 2)
    np.fill_diagonal(W, 0)
    Q = W / W.sum()
    known = P > 0
    return float((P[known] * np.log(P[known] / Q[known])).sum())


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("copies", [1, 2])
def test_the_divergence_told_is_that_of_the_map(dimensions: int, copies: int) -> None:
    """Fails where it is that of the exaggerated rounds (tried), of another map, or the library's own for copies."""
    vectors = np.concatenate([cloudy(150 // copies)[0]] * copies)
    found = fit("tsne", task(vectors, ProjectionRequest("tsne", dimensions, perplexity=20)))
    told = divergence(vectors, found.coordinates, 20)
    assert found.quality["kl_divergence"] == pytest.approx(told, rel=0.002, abs=0.002)
    assert told > 0


def test_the_divergence_of_very_many_points_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(2000, 2)) * 10
    near = csr_array(random.random((2000, 2000)) * (random.random((2000, 2000)) < 0.02))
    exact = fitting.divergence(near, points)
    monkeypatch.setattr(fitting, "MAX_SUMMED_POINTS", 500)
    assert fitting.divergence(near, points) == pytest.approx(exact, rel=0.02)
    assert fitting.divergence(near, points) != exact


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_the_same_seed_gives_the_same_map_and_clouds_stay_together(method: MethodName) -> None:
    vectors, which = cloudy(80)
    for dimensions in (2, 3):
        request = ProjectionRequest(method, dimensions, seed=1)
        first, second = (fit(method, task(vectors, request)).coordinates for _ in range(2))
        assert np.array_equal(first, second)
        assert first.shape == (80, dimensions)
        assert apart(np.asarray(first), which) > 0.95
        other = fit(method, task(vectors, ProjectionRequest(method, dimensions, seed=2))).coordinates
        assert not np.array_equal(first, other)


@pytest.mark.parametrize("method", PROJECTION_METHODS)
def test_progress_rises_to_the_end(method: MethodName) -> None:
    heard: list[float] = []
    vectors, _ = cloudy(40)
    request = ProjectionRequest(method)
    fit(method, FitTask(vectors, 2, request.resolve(40), 1, lambda progress, stage: heard.append(progress)))
    assert heard == sorted(heard)
    assert heard[-1] < 1
    assert method == "pca" or heard[-1] > 0.9


def test_neighbours_are_others_even_where_images_are_the_same() -> None:
    vectors, _ = cloudy(30)
    vectors[10:20] = vectors[0]
    which, away = nearest(vectors, 5, lambda *_: None)
    assert (which != np.arange(30)[:, None]).all()
    assert all(len(set(row)) == 5 for row in which.tolist())
    full = distances(vectors) + np.diag([np.inf] * 30)
    assert np.allclose(away, np.sort(full, 1)[:, :5], atol=1e-5)


@pytest.mark.parametrize("method", PROJECTION_METHODS)
def test_many_of_the_same_image_make_a_map_and_nothing_else_does_not(method: MethodName) -> None:
    """Constant vectors have no variance to explain, and start t-SNE from a division by zero."""
    vectors, _ = cloudy(40)
    vectors[5:25] = vectors[0]
    assert np.isfinite(fit(method, task(vectors, ProjectionRequest(method))).coordinates).all()
    for bad, words in ((np.full((40, DIM), 2.5, np.float32), "the same vector"), (vectors * np.nan, "not finite")):
        with pytest.raises(BadParameter, match=words):
            fit(method, task(bad, ProjectionRequest(method)))


def test_few_and_short_vectors() -> None:
    vectors, _ = cloudy(2)
    found = fit("pca", task(vectors, ProjectionRequest("pca", 3)))
    assert found.coordinates.shape == (2, 3)
    assert found.quality["explained_variance"] == pytest.approx([1, 0, 0], abs=1e-9)
    for method in PROJECTION_METHODS:
        request = ProjectionRequest(method, 3)
        assert fit(method, task(cloudy(12)[0][:, :2], request)).coordinates.shape == (12, 3)


@pytest.mark.parametrize(
    ("projection_request", "images", "words"),
    [
        (ProjectionRequest("pca"), 1, "needs at least 2 images, and the collection has 1"),
        (ProjectionRequest("tsne"), 9, "needs at least 10"),
        (ProjectionRequest("umap"), 0, "needs at least 10"),
        (ProjectionRequest("tsne", perplexity=30), 90, "at most 29.6"),
        (ProjectionRequest("umap", neighbors=20), 20, "needs more than 20 images"),
        (ProjectionRequest("pca", seed=1), 50, "pca takes no parameter of its own"),
        (ProjectionRequest("umap", perplexity=5), 50, "umap takes neighbors, min_dist, seed"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_computed(
    projection_request: ProjectionRequest, images: int, words: str
) -> None:
    with pytest.raises(BadParameter, match=words):
        projection_request.resolve(images)


def test_what_is_left_out_fits_the_number_of_images() -> None:
    assert ProjectionRequest("tsne").resolve(10) == {"perplexity": 3.0, "seed": 0}
    assert ProjectionRequest("tsne", perplexity=30).resolve(91)["perplexity"] == 30
    assert ProjectionRequest("tsne").resolve(1000) == {"perplexity": 30.0, "seed": 0}
    assert ProjectionRequest("umap").resolve(10) == {"neighbors": 9, "min_dist": 0.1, "seed": 0}
    assert CLOUDS > 1
