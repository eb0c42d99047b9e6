"""Maps of a collection: its vectors as points in two or three dimensions. What is asked for, and what is kept of it."""

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
    """A way to make a map. takes: the parameters that are its own. least: images it needs."""

    title: str
    takes: tuple[str, ...]
    least: int


PROJECTION_METHODS: Mapping[MethodName, ProjectionMethod] = {
    "pca": ProjectionMethod("PCA", (), 2),
    "tsne": ProjectionMethod("t-SNE", ("perplexity", "seed"), 10),
    "umap": ProjectionMethod("UMAP", ("neighbors", "min_dist", "seed"), 10),
}


@dataclass(frozen=True)
class ProjectionRequest:
    """What kind of map is asked for; what is None is chosen by the number of images.

    perplexity: of t-SNE, how many neighbours count, softly. neighbors, min_dist: of UMAP. seed: of whatever is random.
    """

    method: MethodName
    dimensions: int = 2
    perplexity: float | None = None
    neighbors: int | None = None
    min_dist: float | None = None
    seed: int | None = None

    @property
    def name(self) -> str:
        """Of the map: there is one for each method and number of dimensions."""
        return f"{self.method}-{self.dimensions}d"

    def settled(self, images: int) -> dict[str, float]:
        """The method's own parameters for so many images. Raises BadParameter where there can be no such map."""
        method = PROJECTION_METHODS[self.method]
        for name in ("perplexity", "neighbors", "min_dist", "seed"):
            if getattr(self, name) is not None and name not in method.takes:
                takes = ", ".join(method.takes) or "no parameter of its own"
                raise BadParameter(f"{name}: {self.method} takes {takes}")
        if images < method.least:
            raise BadParameter(
                f"{method.title} needs at least {method.least} images, and the collection has {images}: add some"
            )
        chosen = {"perplexity": self._perplexity, "neighbors": self._neighbors}
        others = {"min_dist": self.min_dist, "seed": self.seed}
        defaults: dict[str, float] = {"min_dist": MIN_DIST, "seed": 0}
        found = {name: chosen[name](images) if name in chosen else others[name] for name in method.takes}
        return {name: defaults[name] if value is None else value for name, value in found.items()}

    def _perplexity(self, images: int) -> float:
        """As a rule three times as many neighbours are looked at, and there must be so many."""
        most = (images - 1) / 3
        if self.perplexity is not None and self.perplexity > most:
            raise BadParameter(
                f"perplexity: {self.perplexity:g} needs {int(np.ceil(3 * self.perplexity)) + 1} images;"
                f" with {images} it can be at most {np.floor(most * 10) / 10:g}"
            )
        return self.perplexity if self.perplexity is not None else min(PERPLEXITY, most)

    def _neighbors(self, images: int) -> int:
        if self.neighbors is not None and self.neighbors >= images:
            raise BadParameter(
                f"neighbors: {self.neighbors} needs more than {self.neighbors} images, and there are {images}"
            )
        return self.neighbors if self.neighbors is not None else min(NEIGHBORS, images - 1)


@dataclass(frozen=True)
class ProjectionFacts:
    """A map without its points.

    parameters: as used. quality: what the method says of how good it is. images: that it was made of. revision and
    weights_sha256: of the collection then. created: seconds since 1970.
    """

    method: MethodName
    dimensions: int
    parameters: Mapping[str, float]
    quality: Mapping[str, Any]
    images: int
    revision: Revision
    weights_sha256: str
    created: float

    @property
    def name(self) -> str:
        """Of the map."""
        return f"{self.method}-{self.dimensions}d"

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """From JSON."""
        found = json.loads(text)
        return cls(**(found | {"revision": Revision(**found["revision"])}))


@dataclass(frozen=True)
class Projection:
    """A finished map.

    ids: int64 [N] of the items, rising. coordinates: float32 [N, d] in the same order. basis: what else placing needs;
    of PCA `mean` float64 [D] and `components` float64 [d, D].
    """

    facts: ProjectionFacts
    ids: NDArray[np.int64]
    coordinates: Coordinates
    basis: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def arrays(self) -> bytes:
        """The arrays as one .npz file, which holds no code."""
        return packed({"ids": self.ids, "coordinates": self.coordinates, **self.basis})

    @classmethod
    def read(cls, facts: ProjectionFacts, data: bytes) -> Self:
        """From the arrays' file."""
        arrays = unpacked(data)
        return cls(facts, arrays.pop("ids"), arrays.pop("coordinates"), arrays)


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as one .npz file."""
    file = io.BytesIO()
    given: dict[str, Any] = dict(arrays)
    np.savez(file, **given)
    return file.getvalue()


def unpacked(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file. Raises ValueError where it holds objects."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
