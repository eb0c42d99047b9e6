"""What every store of collections can do. Nothing else is known of a store outside `opening.py` and its own package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import AddResult, Collection, Content, Item, ItemSummary, Revision
from service.collections.fingerprint import Fingerprint
from service.collections.projection import Projection, ProjectionFacts

Space = Literal["features", "pixels"]


class CollectionStore(Protocol):
    """The collections themselves."""

    def create(self, collection: Collection) -> Collection:
        """A new, empty collection. Raises BadParameter where the name is taken or not allowed."""
        ...

    def all(self) -> list[Collection]:
        """All collections, by name."""
        ...

    def get(self, name: str) -> Collection:
        """One collection."""
        ...

    def delete(self, name: str) -> None:
        """Delete a collection with all its items and projections."""
        ...

    def content(self, name: str) -> Content:
        """Labels, and the bytes that a collection takes."""
        ...

    def revision(self, name: str) -> Revision:
        """Whether anything changed, and what."""
        ...


class ItemStore(Protocol):
    """The images of a collection."""

    def add(self, name: str, items: Sequence[Item], fingerprint: Fingerprint | None = None) -> list[AddResult]:
        """Store items, all or none; an image that the collection has already is not stored twice.

        fingerprint: of the model that saw them. Raises StaleCollection where the collection has another one.
        """
        ...

    def page(self, name: str, after: int = 0, limit: int = 100) -> list[ItemSummary]:
        """Items with ids above `after`, in the order they were added."""
        ...

    def summaries(self, name: str, ids: Sequence[int]) -> dict[int, ItemSummary]:
        """Those of these items that exist."""
        ...

    def identifiers(self, name: str) -> set[str]:
        """The sha256 and the name of every item, so that an import can continue where it stopped."""
        ...

    def get(self, name: str, item_id: int) -> Item:
        """One whole item. Raises UnknownName."""
        ...

    def all(self, name: str) -> Iterator[tuple[int, Item]]:
        """Every whole item with its id, one after the other.

        Raises StaleCollection where all vectors are replaced while they are read.
        """
        ...

    def without_pictures(self, name: str) -> Iterator[tuple[int, Item]]:
        """Every item as `all` gives it, but without thumbnail, original and mask_original."""
        ...

    def thumbnail(self, name: str, item_id: int) -> bytes | None:
        """An item's thumbnail; None where none is stored. Raises UnknownName for an item that does not exist."""
        ...

    def remove(self, name: str, item_id: int) -> None:
        """Delete one item. Raises UnknownName."""
        ...

    def vectors(self, name: str, space: Space, after: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids [N] and vectors float32 [N, D] of the items with ids above `after`; pixels are divided by 255."""
        ...


class ReembeddingStore(Protocol):
    """New versions of what models computed of items, stored beside the current one until every item has it."""

    def begin(self, name: str, fingerprint: Fingerprint) -> None:
        """Start to collect items as a model with this fingerprint sees them, or continue where it was interrupted."""
        ...

    def pending(self, name: str) -> list[int]:
        """Ids of all items that have no new version yet, in order."""
        ...

    def save(self, name: str, fingerprint: Fingerprint, items: Mapping[int, Item]) -> None:
        """Store the new versions of items beside the current ones; items that no longer exist are passed over.

        Raises StaleCollection where the collection is being re-embedded for another fingerprint, or not at all.
        """
        ...

    def finish(self, name: str, reembedded: Collection) -> bool:
        """Replace the current versions of all items at once; False while an item has no new version.

        reembedded: has the fingerprint and the dim from now on. Raises StaleCollection as `save` does.
        """
        ...

    def delete_leftovers(self, name: str, after: int = 0) -> int | None:
        """Delete unused versions of some items with ids above `after`; the last of these ids, None at the end."""
        ...


class ProjectionStore(Protocol):
    """The projections of a collection, one of each name."""

    def save(self, name: str, projection: Projection) -> None:
        """Store a projection, replacing one of the same name. Raises StaleCollection where its vectors are gone."""
        ...

    def all(self, name: str) -> list[ProjectionFacts]:
        """All projections of a collection without their points, by name."""
        ...

    def get(self, name: str, projection: str) -> Projection:
        """One whole projection. Raises UnknownName."""
        ...

    def delete(self, name: str, projection: str) -> None:
        """Delete a projection. Raises UnknownName."""
        ...


class Store(Protocol):
    """Collections and all that belongs to them. Every method blocks and may be called from any thread.

    When a method returns, its change is on the disk. Every method that takes the name of a collection raises
    UnknownName where it does not exist, and OperatorError where the disk fails.
    """

    @property
    def collections(self) -> CollectionStore:
        """The collections themselves."""
        ...

    @property
    def items(self) -> ItemStore:
        """Their images."""
        ...

    @property
    def projections(self) -> ProjectionStore:
        """Their projections."""
        ...

    @property
    def reembeddings(self) -> ReembeddingStore:
        """New versions of their vectors."""
        ...

    def close(self) -> None:
        """Release all files and connections."""
        ...
