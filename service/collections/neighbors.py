"""The nearest reference images of an image: the request and the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from service.collections.collection import ItemSummary
from service.collections.inverted_file import Metric
from service.collections.store.interface import Space
from service.runtime.results import Answer


@dataclass(frozen=True)
class NeighborsRequest:
    """How many neighbours to return, and how vectors are compared."""

    k: int = 10
    metric: Metric = "cosine"
    space: Space = "features"


@dataclass(frozen=True)
class Neighbor:
    """A reference image and its distance. thumbnail: JPEG."""

    summary: ItemSummary
    distance: float
    thumbnail: bytes | None


@dataclass(frozen=True)
class NeighborsAnswer:
    """The answer for an image, and its neighbours, nearest first. exact: whether all images were compared."""

    answer: Answer
    neighbors: tuple[Neighbor, ...] = ()
    exact: bool = True

    @property
    def votes(self) -> Mapping[str, int]:
        """How many of the neighbours have each label, the most frequent first."""
        return dict(Counter(one.summary.label for one in self.neighbors if one.summary.label).most_common())
