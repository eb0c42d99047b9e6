"""Maps are fitted here, in a child process: see `atlas.py`. The libraries are imported when they are needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.projection import Coordinates, MethodName, Projection, ProjectionFacts, ProjectionRequest
from service.collections.store.sqlite import SqliteStore
from service.errors import BadParameter

Floats = NDArray[np.float32]
Told = Callable[[float, str], None]
Parameters = Mapping[str, float]

EXAGGERATED, ROUNDS = 250, 500
"""Rounds of t-SNE with exaggerated attraction, and without."""

EXAGGERATION = 12
SPREAD = 1e-4
"""Of the points that t-SNE starts from."""

FEW = 3000
"""Points up to which t-SNE's repulsion is summed over a tree; of more, in two dimensions, over a grid."""

TOGETHER = 1024
"""Images whose neighbours are looked for at a time."""

SUMMED = 8192
"""Points all of whose pairs are summed for a KL divergence."""


@dataclass(frozen=True)
class Fitted:
    """coordinates: [N, d]. quality and basis: see `projection.Facts` and `Projection`."""

    coordinates: NDArray[Any]
    quality: dict[str, Any]
    basis: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Task:
    """A projection task. vectors: [N, D]. parameters: see `ProjectionRequest.settled`. threads: that may be used."""

    vectors: Floats
    dimensions: int
    parameters: Parameters
    threads: int = 1
    told: Told = lambda *_: None


def fit(arguments: Mapping[str, Any], told: Told) -> bytes:
    """Read a collection's vectors and make a map; what a child process is asked for.

    arguments: `folder` of the store, `collection`, `threads`, and the `wish`. Returns what `read` reads. Raises
    BadParameter, UnknownName, CollectionsError.
    """
    told(0.0, "reading vectors")
    wish, name = ProjectionRequest(**arguments["wish"]), arguments["collection"]
    store = SqliteStore(Path(arguments["folder"]))
    try:
        revision, weights = store.revision(name), store.collection(name).weights_sha256
        ids, vectors = store.vectors(name, "features")
    finally:
        store.close()
    ids, vectors = ids[ids <= revision.last], vectors[ids <= revision.last]  # others may be adding
    parameters = wish.settled(len(ids))
    found = fitted(wish.method, Task(vectors, wish.dimensions, parameters, arguments["threads"], told))
    facts = ProjectionFacts(
        wish.method, wish.dimensions, parameters, found.quality, len(ids), revision, weights, time.time()
    )  # fmt: skip
    told(0.99, "keeping the map")
    text = facts.text().encode()
    return len(text).to_bytes(4, "big") + text + Projection(facts, ids, _centred(found, wish), found.basis).arrays()


def read(data: bytes) -> Projection:
    """What `fit` returned."""
    end = 4 + int.from_bytes(data[:4], "big")
    return Projection.read(ProjectionFacts.read(data[4:end].decode()), data[end:])


def fitted(method: MethodName, task: Task) -> Fitted:
    """A map. Raises BadParameter where all vectors are the same, or one is not finite."""
    vectors = task.vectors
    if not np.isfinite(vectors).all():
        raise BadParameter("some of the collection's vectors are not finite; remove those images")
    if (vectors == vectors[0]).all():
        raise BadParameter(f"all {len(vectors)} images have the very same vector: there is nothing to spread out")
    return FITS[method](task)


def _centred(found: Fitted, wish: ProjectionRequest) -> Coordinates:
    """Around zero, but for PCA, whose zero is the mean vector."""
    points = found.coordinates if wish.method == "pca" else found.coordinates - found.coordinates.mean(0)
    return np.ascontiguousarray(points, np.float32)


def _pca(task: Task) -> Fitted:
    """Principal components: the directions of most variance. Pearson 1901; Hotelling 1933."""
    from sklearn.decomposition import PCA  # noqa: PLC0415  takes a second

    vectors, dimensions = task.vectors, task.dimensions
    task.told(0.1, "looking for the directions of most variance")
    rank = min(dimensions, *vectors.shape)
    solver = "full" if len(vectors) < 2 * vectors.shape[1] else "covariance_eigh"  # the others draw lots
    model = PCA(rank, svd_solver=solver).fit(vectors.astype(np.float64))
    share, components = np.zeros(dimensions), np.zeros((dimensions, vectors.shape[1]))
    share[:rank], components[:rank] = model.explained_variance_ratio_, model.components_
    basis = {"mean": model.mean_, "components": components}
    return Fitted((vectors - model.mean_) @ components.T, {"explained_variance": share.tolist()}, basis)


def _tsne(task: Task) -> Fitted:
    """van der Maaten & Hinton: Visualizing Data using t-SNE, JMLR 2008; by openTSNE, which starts from the principal
    components (Kobak & Berens 2019), so that the map at large is not left to chance.
    """
    from openTSNE import TSNEEmbedding, affinity  # noqa: PLC0415  takes a second
    from openTSNE.nearest_neighbors import PrecomputedNeighbors  # noqa: PLC0415

    vectors, told, threads = task.vectors, task.told, task.threads
    perplexity, seed = task.parameters["perplexity"], int(task.parameters["seed"])
    found = nearest(vectors, min(len(vectors) - 1, int(np.ceil(3 * perplexity))), _part(told, 0.02, 0.15))
    affinities = affinity.PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(*found), perplexity=perplexity, n_jobs=threads
    )
    start = _start(task, SPREAD)
    quick = "fft" if task.dimensions == 2 and len(vectors) > FEW else "bh"
    points = TSNEEmbedding(
        start, affinities, negative_gradient_method=quick, random_state=seed, n_jobs=threads, callbacks_every_iters=10
    )

    def tell(before: int) -> Callable[..., bool]:
        def tick(done: int, *_: object) -> bool:
            share, total = (before + done) / (EXAGGERATED + ROUNDS), EXAGGERATED + ROUNDS
            told(0.17 + 0.81 * share, f"moving points, round {before + done} of {total}")
            return False  # go on

        return tick

    points.optimize(EXAGGERATED, inplace=True, exaggeration=EXAGGERATION, momentum=0.5, callbacks=tell(0))
    points.optimize(ROUNDS, inplace=True, momentum=0.8, callbacks=tell(EXAGGERATED))
    told(0.985, "measuring what the map gets wrong")
    quality = {"perplexity": perplexity, "kl_divergence": divergence(affinities.P, np.asarray(points), seed)}
    return Fitted(np.asarray(points), quality, {})


def _umap(task: Task) -> Fitted:
    """McInnes, Healy & Melville: UMAP, 2018; by umap-learn, on exact neighbours, from the principal components.

    On one thread: on several, the same seed would not give the same map.
    """
    vectors, told = task.vectors, task.told
    neighbors, min_dist = int(task.parameters["neighbors"]), task.parameters["min_dist"]
    indexes, distances = nearest(vectors, neighbors - 1, _part(told, 0.02, 0.15))
    own = np.arange(len(vectors))[:, None]
    graph = np.hstack([own, indexes]), np.hstack([np.zeros(own.shape, np.float32), distances.astype(np.float32)])
    told(0.15, "starting UMAP")
    from umap import UMAP  # noqa: PLC0415  compiles for many seconds

    model = UMAP(
        n_neighbors=neighbors,
        n_components=task.dimensions,
        min_dist=min_dist,
        random_state=int(task.parameters["seed"]),
        n_jobs=1,
        init=_start(task, 1.0),
        precomputed_knn=(*graph, None),
        force_approximation_algorithm=True,
        tqdm_kwds={"disable": False, "file": _Rounds(_part(told, 0.3, 0.98)), "bar_format": "{n_fmt}/{total_fmt}"},
    )
    return Fitted(model.fit_transform(vectors), {"neighbors": neighbors, "min_dist": min_dist}, {})


FITS: Mapping[MethodName, Callable[[Task], Fitted]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}


def nearest(vectors: Floats, k: int, told: Told) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k nearest others of every vector, nearest first: which, [N, k], and how far, [N, k]. Exact."""
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415

    index, found = NearestNeighbors(algorithm="brute").fit(vectors), []
    for start in range(0, len(vectors), TOGETHER):
        told(start / len(vectors), "comparing images")
        own = np.arange(start, min(start + TOGETHER, len(vectors)))[:, None]
        distances, which = index.kneighbors(vectors[own[:, 0]], k + 1)
        others = which != own
        others[others.all(1), -1] = False  # where enough others are the very same, itself is not among them
        found.append((which[others].reshape(-1, k), distances[others].reshape(-1, k)))
    return np.concatenate([which for which, _ in found]), np.concatenate([away for _, away in found]).astype(np.float64)


def divergence(affinities: Any, points: NDArray[np.float64], seed: int = 0) -> float:
    """KL(p ‖ q) of a map [N, d], q by Student's t. affinities: p, a sparse matrix [N, N] in COO or CSR.

    openTSNE's own figure comes of an approximate gradient, and falls below zero where images are there twice. Here the
    normaliser of q is summed over all pairs; above SUMMED points over the pairs of so many drawn ones, which scatters
    by less than the last digit shown.
    """
    p = affinities.tocoo()
    weights = 1 / (1 + ((points[p.row] - points[p.col]) ** 2).sum(1))
    count = len(points)
    drawn = np.arange(count) if count <= SUMMED else np.random.default_rng(seed).choice(count, SUMMED, replace=False)
    columns, total = np.ascontiguousarray(points.T, np.float32), 0.0
    for start in range(0, len(drawn), TOGETHER):
        rows = columns[:, drawn[start : start + TOGETHER], None]
        squares = sum((one - all_[None]) ** 2 for one, all_ in zip(rows, columns, strict=True))
        total += float((1 / (1 + squares)).sum(dtype=np.float64)) - len(drawn[start : start + TOGETHER])
    share = p.data / p.data.sum()
    return float(share @ np.log(share * (total * count / len(drawn)) / weights))


def _start(task: Task, spread: float) -> NDArray[np.float64]:
    """Principal components [N, d], the first with a standard deviation of `spread`, and a trace of noise."""
    points = _pca(Task(task.vectors, task.dimensions, {})).coordinates
    points = points * (spread / points[:, 0].std())
    random = np.random.default_rng(int(task.parameters["seed"]))
    return np.asarray(points + random.normal(0, spread / 100, points.shape), np.float64)


def _part(told: Told, begin: float, end: float) -> Told:
    """Progress of a part of the work as progress of all of it."""
    return lambda progress, stage: told(begin + (end - begin) * progress, stage)


class _Rounds:
    """A file that UMAP's progress bar is written to: `120/500`."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def write(self, text: str) -> None:
        done, _, total = text.strip().partition("/")
        if done.isdigit() and total.isdigit() and int(total):
            self._told(int(done) / int(total), f"moving points, round {done} of {total}")

    def flush(self) -> None:
        """Nothing waits here."""
