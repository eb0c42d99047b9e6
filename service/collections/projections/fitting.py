"""PCA, t-SNE and UMAP, computed in a child process. The libraries are imported when they are needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.projection import Coordinates, MethodName, Projection, ProjectionFacts, ProjectionRequest
from service.collections.store.opening import open_store
from service.errors import BadParameter
from service.jobs.job import ReportProgress, ignore_progress

Floats = NDArray[np.float32]
Parameters = Mapping[str, float]

EARLY_ITERATIONS, ITERATIONS = 250, 500
"""Of t-SNE, with exaggerated attraction and without."""

EXAGGERATION = 12
START_SPREAD = 1e-4
"""Standard deviation of the points from which t-SNE starts."""

MAX_TREE_POINTS = 3000
"""Points up to which t-SNE's repulsion is summed over a tree; for more, in two dimensions, over a grid."""

CHUNK = 1024
"""Images whose neighbours are searched at a time."""

MAX_SUMMED_POINTS = 8192
"""Points up to which a KL divergence sums all pairs."""


@dataclass(frozen=True)
class FitResult:
    """coordinates: [N, d]. quality and basis: see `ProjectionFacts` and `Projection`."""

    coordinates: NDArray[Any]
    quality: dict[str, Any]
    basis: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class FitTask:
    """Vectors to project. vectors: [N, D]. parameters: of `ProjectionRequest.resolve`. threads: how many to use."""

    vectors: Floats
    dimensions: int
    parameters: Parameters
    threads: int = 1
    report_progress: ReportProgress = ignore_progress


def fit_collection(arguments: Mapping[str, Any], report_progress: ReportProgress) -> bytes:
    """Read a collection's vectors and compute a projection; the function of the child process.

    arguments: `location` of the store, `collection`, `threads`, and the fields of the `request`. Returns what
    `loads_projection` reads. Raises BadParameter, UnknownName, CollectionsError.
    """
    report_progress(0.0, "reading vectors")
    request, name = ProjectionRequest(**arguments["request"]), arguments["collection"]
    store = open_store(arguments["location"])
    try:
        revision = store.collections.revision(name)
        ids, vectors = store.items.vectors(name, "features")
    finally:
        store.close()
    ids, vectors = ids[ids <= revision.last_id], vectors[ids <= revision.last_id]  # items may have been added since
    parameters = request.resolve(len(ids))
    task = FitTask(vectors, request.dimensions, parameters, arguments["threads"], report_progress)
    result = fit(request.method, task)
    facts = ProjectionFacts(
        request.method, request.dimensions, parameters, result.quality, len(ids), revision, time.time()
    )  # fmt: skip
    report_progress(0.99, "storing the projection")
    return dumps_projection(Projection(facts, ids, _centred(result, request.method), result.basis))


def dumps_projection(projection: Projection) -> bytes:
    """A projection with its facts as bytes."""
    facts = projection.facts.dumps().encode()
    return len(facts).to_bytes(4, "big") + facts + projection.dumps()


def loads_projection(data: bytes) -> Projection:
    """What `dumps_projection` returned."""
    end = 4 + int.from_bytes(data[:4], "big")
    return Projection.loads(ProjectionFacts.loads(data[4:end].decode()), data[end:])


def fit(method: MethodName, task: FitTask) -> FitResult:
    """A projection. Raises BadParameter where all vectors are equal, or a number is not finite."""
    vectors = task.vectors
    if not np.isfinite(vectors).all():
        raise BadParameter("some of the collection's vectors are not finite; remove those images")
    if (vectors == vectors[0]).all():
        raise BadParameter(f"all {len(vectors)} images have the same vector: there is nothing to project")
    return FITS[method](task)


def _centred(result: FitResult, method: MethodName) -> Coordinates:
    """Points with their mean at zero; for PCA the mean vector is at zero already."""
    points = result.coordinates if method == "pca" else result.coordinates - result.coordinates.mean(0)
    return np.ascontiguousarray(points, np.float32)


def _pca(task: FitTask) -> FitResult:
    """Principal components: the orthogonal directions of largest variance. Pearson 1901; Hotelling 1933."""
    from sklearn.decomposition import PCA  # noqa: PLC0415  takes a second

    vectors, dimensions = task.vectors, task.dimensions
    task.report_progress(0.1, "computing principal components")
    rank = min(dimensions, *vectors.shape)
    solver = "full" if len(vectors) < 2 * vectors.shape[1] else "covariance_eigh"  # the other solvers are random
    model = PCA(rank, svd_solver=solver).fit(vectors.astype(np.float64))
    share, components = np.zeros(dimensions), np.zeros((dimensions, vectors.shape[1]))
    share[:rank], components[:rank] = model.explained_variance_ratio_, model.components_
    basis = {"mean": model.mean_, "components": components}
    return FitResult((vectors - model.mean_) @ components.T, {"explained_variance": share.tolist()}, basis)


def _tsne(task: FitTask) -> FitResult:
    """van der Maaten & Hinton: Visualizing Data using t-SNE, JMLR 2008; by openTSNE, which starts from the principal
    components (Kobak & Berens 2019), so that the global structure does not depend on chance.
    """
    from openTSNE import TSNEEmbedding, affinity  # noqa: PLC0415  takes a second
    from openTSNE.nearest_neighbors import PrecomputedNeighbors  # noqa: PLC0415

    vectors, report_progress, threads = task.vectors, task.report_progress, task.threads
    perplexity, seed = task.parameters["perplexity"], int(task.parameters["seed"])
    count = min(len(vectors) - 1, int(np.ceil(3 * perplexity)))
    neighbors = nearest(vectors, count, _part(report_progress, 0.02, 0.15))
    affinities = affinity.PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(*neighbors), perplexity=perplexity, n_jobs=threads
    )
    start = _start(task, START_SPREAD)
    repulsion = "fft" if task.dimensions == 2 and len(vectors) > MAX_TREE_POINTS else "bh"
    points = TSNEEmbedding(
        start,
        affinities,
        negative_gradient_method=repulsion,
        random_state=seed,
        n_jobs=threads,
        callbacks_every_iters=10,
    )

    def callback(before: int) -> Callable[..., bool]:
        def report(done: int, *_: object) -> bool:
            share, total = (before + done) / (EARLY_ITERATIONS + ITERATIONS), EARLY_ITERATIONS + ITERATIONS
            report_progress(0.17 + 0.81 * share, f"moving points, round {before + done} of {total}")
            return False  # continue

        return report

    points.optimize(EARLY_ITERATIONS, inplace=True, exaggeration=EXAGGERATION, momentum=0.5, callbacks=callback(0))
    points.optimize(ITERATIONS, inplace=True, momentum=0.8, callbacks=callback(EARLY_ITERATIONS))
    report_progress(0.985, "measuring the KL divergence")
    quality = {"perplexity": perplexity, "kl_divergence": divergence(affinities.P, np.asarray(points), seed)}
    return FitResult(np.asarray(points), quality, {})


def _umap(task: FitTask) -> FitResult:
    """McInnes, Healy & Melville: UMAP, 2018; by umap-learn, on exact neighbours, from the principal components.

    It runs on one thread: on several, the same seed would not give the same projection.
    """
    vectors, report_progress = task.vectors, task.report_progress
    neighbors, min_dist = int(task.parameters["neighbors"]), task.parameters["min_dist"]
    indexes, distances = nearest(vectors, neighbors - 1, _part(report_progress, 0.02, 0.15))
    own = np.arange(len(vectors))[:, None]
    graph = np.hstack([own, indexes]), np.hstack([np.zeros(own.shape, np.float32), distances.astype(np.float32)])
    report_progress(0.15, "starting UMAP")
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
        tqdm_kwds={
            "disable": False,
            "file": _ProgressFile(_part(report_progress, 0.3, 0.98)),
            "bar_format": "{n_fmt}/{total_fmt}",
        },
    )
    return FitResult(model.fit_transform(vectors), {"neighbors": neighbors, "min_dist": min_dist}, {})


FITS: Mapping[MethodName, Callable[[FitTask], FitResult]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}


def nearest(vectors: Floats, k: int, report_progress: ReportProgress) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k nearest others of every vector, nearest first: rows [N, k] and distances [N, k]. Exact."""
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415

    index, chunks = NearestNeighbors(algorithm="brute").fit(vectors), []
    for start in range(0, len(vectors), CHUNK):
        report_progress(start / len(vectors), "comparing images")
        own = np.arange(start, min(start + CHUNK, len(vectors)))[:, None]
        distances, rows = index.kneighbors(vectors[own[:, 0]], k + 1)
        others = rows != own
        others[others.all(1), -1] = False  # with enough identical vectors, its own row is not among them
        chunks.append((rows[others].reshape(-1, k), distances[others].reshape(-1, k)))
    distances = np.concatenate([distances for _, distances in chunks]).astype(np.float64)
    return np.concatenate([rows for rows, _ in chunks]), distances


def divergence(affinities: Any, points: NDArray[np.float64], seed: int = 0) -> float:
    """KL(p ‖ q) of points [N, d], q by Student's t. affinities: p, a sparse matrix [N, N] in COO or CSR.

    openTSNE's own figure comes from an approximate gradient, and falls below zero where images occur twice. Here the
    normaliser of q is summed over all pairs; above MAX_SUMMED_POINTS points over the pairs of a random sample, whose
    error is less than the last digit shown.
    """
    p = affinities.tocoo()
    weights = 1 / (1 + ((points[p.row] - points[p.col]) ** 2).sum(1))
    count = len(points)
    sample = np.arange(count)
    if count > MAX_SUMMED_POINTS:
        sample = np.random.default_rng(seed).choice(count, MAX_SUMMED_POINTS, replace=False)
    columns, total = np.ascontiguousarray(points.T, np.float32), 0.0
    for start in range(0, len(sample), CHUNK):
        rows = columns[:, sample[start : start + CHUNK], None]
        squares = sum((one - all_[None]) ** 2 for one, all_ in zip(rows, columns, strict=True))
        total += float((1 / (1 + squares)).sum(dtype=np.float64)) - len(sample[start : start + CHUNK])
    share = p.data / p.data.sum()
    return float(share @ np.log(share * (total * count / len(sample)) / weights))


def _start(task: FitTask, spread: float) -> NDArray[np.float64]:
    """Principal components [N, d], the first with a standard deviation of `spread`, and a little noise."""
    points = _pca(FitTask(task.vectors, task.dimensions, {})).coordinates
    points = points * (spread / points[:, 0].std())
    random = np.random.default_rng(int(task.parameters["seed"]))
    return np.asarray(points + random.normal(0, spread / 100, points.shape), np.float64)


def _part(report_progress: ReportProgress, begin: float, end: float) -> ReportProgress:
    """Reports the progress of a part of the work as progress of the whole."""
    return lambda progress, stage: report_progress(begin + (end - begin) * progress, stage)


class _ProgressFile:
    """A file to which UMAP's progress bar is written, as `120/500`."""

    def __init__(self, report_progress: ReportProgress) -> None:
        self._report_progress = report_progress

    def write(self, text: str) -> None:
        done, _, total = text.strip().partition("/")
        if done.isdigit() and total.isdigit() and int(total):
            self._report_progress(int(done) / int(total), f"moving points, round {done} of {total}")

    def flush(self) -> None:
        """Nothing is buffered."""
