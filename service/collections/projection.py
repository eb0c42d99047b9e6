"""A projection of a collection: its vectors as points in two or three dimensions. The request and the result."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import Revision
from service.errors import BadParameter

MethodName = Literal["pca", "tsne", "umap"]
Coordinates = NDArray[np.float32]

PERPLEXITY, NEIGHBORS, MIN_DIST = 30.0, 15, 0.1


@dataclass(frozen=True)
class ProjectionMethod:
    """A way to project vectors. parameters: those that it takes. min_images: how many it needs."""

    title: str
    parameters: tuple[str, ...]
    min_images: int


PROJECTION_METHODS: Mapping[MethodName, ProjectionMethod] = {
    "pca": ProjectionMethod("PCA", (), 2),
    "tsne": ProjectionMethod("t-SNE", ("perplexity", "seed"), 10),
    "umap": ProjectionMethod("UMAP", ("neighbors", "min_dist", "seed"), 10),
}


@dataclass(frozen=True)
class ProjectionRequest:
    """Which projection to compute; parameters that are None are chosen by the number of images.

    perplexity: of t-SNE, the effective number of neighbours. neighbors, min_dist: of UMAP. seed: of t-SNE and UMAP.
    """

    method: MethodName
    dimensions: int = 2
    perplexity: float | None = None
    neighbors: int | None = None
    min_dist: float | None = None
    seed: int | None = None

    def resolve(self, images: int) -> dict[str, float]:
        """The method's parameters for this many images. Raises BadParameter where no such projection exists."""
        method = PROJECTION_METHODS[self.method]
        for name in ("perplexity", "neighbors", "min_dist", "seed"):
            if getattr(self, name) is not None and name not in method.parameters:
                takes = ", ".join(method.parameters) or "no parameter of its own"
                raise BadParameter(f"{name}: {self.method} takes {takes}")
        if images < method.min_images:
            raise BadParameter(
                f"{method.title} needs at least {method.min_images} images, and the collection has {images}: add some"
            )
        self._check(images)
        defaults: dict[str, float] = {
            "perplexity": min(PERPLEXITY, self._max_perplexity(images)),
            "neighbors": min(NEIGHBORS, images - 1),
            "min_dist": MIN_DIST,
            "seed": 0,
        }
        given = {name: getattr(self, name) for name in method.parameters}
        return {name: defaults[name] if value is None else value for name, value in given.items()}

    def _check(self, images: int) -> None:
        most = self._max_perplexity(images)
        if self.perplexity is not None and self.perplexity > most:
            raise BadParameter(
                f"perplexity: {self.perplexity:g} needs {int(np.ceil(3 * self.perplexity)) + 1} images;"
                f" with {images} it can be at most {np.floor(most * 10) / 10:g}"
            )
        if self.neighbors is not None and self.neighbors >= images:
            raise BadParameter(
                f"neighbors: {self.neighbors} needs more than {self.neighbors} images, and there are {images}"
            )

    @staticmethod
    def _max_perplexity(images: int) -> float:
        """t-SNE compares each image with three times as many others, so there must be that many."""
        return (images - 1) / 3


@dataclass(frozen=True)
class ProjectionFacts:
    """A projection without its points.

    parameters: as used. quality: figures of the method. images: how many it shows. revision: of the collection when
    its vectors were read. created: seconds since 1970.
    """

    method: MethodName
    dimensions: int
    parameters: Mapping[str, float]
    quality: Mapping[str, Any]
    images: int
    revision: Revision
    created: float

    @property
    def name(self) -> str:
        """Of the projection; a collection has one for each method and number of dimensions."""
        return f"{self.method}-{self.dimensions}d"

    def dumps(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Self:
        """From JSON."""
        fields = json.loads(text)
        return cls(**(fields | {"revision": Revision(**fields["revision"])}))


@dataclass(frozen=True)
class Projection:
    """A finished projection.

    ids: int64 [N] of the items, ascending. coordinates: float32 [N, d] in the same order. basis: what else placing a
    new image needs; for PCA `mean` float64 [D] and `components` float64 [d, D].
    """

    facts: ProjectionFacts
    ids: NDArray[np.int64]
    coordinates: Coordinates
    basis: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def dumps(self) -> bytes:
        """The arrays as one .npz file, which holds no code."""
        return dumps_arrays({"ids": self.ids, "coordinates": self.coordinates, **self.basis})

    @classmethod
    def loads(cls, facts: ProjectionFacts, data: bytes) -> Self:
        """From the file of the arrays."""
        arrays = loads_arrays(data)
        return cls(facts, arrays.pop("ids"), arrays.pop("coordinates"), arrays)


def dumps_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as one .npz file."""
    file = io.BytesIO()
    given: dict[str, Any] = dict(arrays)
    np.savez(file, **given)
    return file.getvalue()


def loads_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file. Raises ValueError where it holds objects."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
