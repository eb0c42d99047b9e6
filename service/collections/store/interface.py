"""Where collections are kept: the interface that everything else knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import AddResult, Collection, Item, ItemSummary, Revision
from service.collections.projection import Projection, ProjectionFacts

Space = Literal["features", "pixels"]


@dataclass(frozen=True)
class Content:
    """What a collection holds. labels: images of each, the most frequent first. bytes: that all of it takes."""

    labels: Mapping[str, int]
    bytes: int


class Store(Protocol):
    """Collections and their items. Every method blocks and is safe from any thread.

    What a method has returned from is on the disk. Every method that takes a name raises UnknownName where there is no
    such collection, and OperatorError where the disk does not do what it should.
    """

    def create(self, collection: Collection) -> Collection:
        """A new, empty collection. Raises BadParameter where the name is taken or cannot be one."""
        ...

    def collections(self) -> list[Collection]:
        """All, by name."""
        ...

    def collection(self, name: str) -> Collection:
        """One of them."""
        ...

    def delete(self, name: str) -> None:
        """Forget a collection and all its items."""
        ...

    def add(self, name: str, items: Sequence[Item], weights_sha256: str | None = None) -> list[AddResult]:
        """Keep items, all or none; one whose image is there already is not kept twice.

        weights_sha256: that saw them. Raises StaleCollection where those of the collection are others.
        """
        ...

    def content(self, name: str) -> Content:
        """Labels, and how much room it takes."""
        ...

    def lines(self, name: str, after: int = 0, limit: int = 100) -> list[ItemSummary]:
        """Items in the order they came, from the one behind number `after`."""
        ...

    def named(self, name: str, ids: Sequence[int]) -> dict[int, ItemSummary]:
        """Those of these items that exist."""
        ...

    def known(self, name: str) -> set[str]:
        """sha256 of every image, and every item's name, so that an import can go on where it stopped."""
        ...

    def item(self, name: str, number: int) -> Item:
        """All of one item. Raises UnknownName."""
        ...

    def items(self, name: str) -> Iterator[tuple[int, Item]]:
        """All of every item with its number, one after the other.

        Raises StaleCollection where new weights took over while they were read.
        """
        ...

    def looks(self, name: str) -> Iterator[tuple[int, Item]]:
        """Every item as `items` gives it, but without its pictures: what the model made of the image."""
        ...

    def thumbnail(self, name: str, number: int) -> bytes | None:
        """An item's thumbnail, None where none is kept. Raises UnknownName for an item that does not exist."""
        ...

    def remove(self, name: str, number: int) -> None:
        """Forget one item. Raises UnknownName."""
        ...

    def vectors(self, name: str, space: Space, after: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Numbers [N] and vectors float32 [N, D] of the items behind number `after`; pixels are divided by 255."""
        ...

    def revision(self, name: str) -> Revision:
        """Whether anything changed, and what."""
        ...

    def begin_reembedding(self, name: str, weights_sha256: str) -> None:
        """From now on gather what these weights see of every item, and go on with it where they were at it before."""
        ...

    def not_reembedded(self, name: str) -> list[int]:
        """All items that the new weights have not seen, in order."""
        ...

    def renew(self, name: str, weights_sha256: str, items: Mapping[int, Item]) -> None:
        """Keep what the new weights saw of items, beside what counts; items that are gone are passed over.

        Raises StaleCollection where others than these weights are renewing the collection now, or nobody is.
        """
        ...

    def finish_reembedding(self, name: str, renewed: Collection) -> bool:
        """Let what the new weights saw take the place of the old, at once and for all items; False where one lacks.

        renewed: its weights, layer and dim from now on. Raises StaleCollection as `renew`.
        """
        ...

    def sweep(self, name: str, after: int = 0) -> int | None:
        """Remove what no longer counts, of some items behind number `after`; the last one's number, None at the end."""
        ...

    def save_projection(self, name: str, found: Projection) -> None:
        """Keep a map in place of one of the same name. Raises StaleCollection where its vectors are gone."""
        ...

    def maps(self, name: str) -> list[ProjectionFacts]:
        """All maps of a collection without their points, by name."""
        ...

    def map(self, name: str, called: str) -> Projection:
        """One of them, whole. Raises UnknownName."""
        ...

    def delete_projection(self, name: str, called: str) -> None:
        """Forget a map. Raises UnknownName."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
