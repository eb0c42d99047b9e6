"""Collections, their items and neighbours as JSON."""

from __future__ import annotations

import base64
from typing import Any, Literal, Self

from service.api.problems import Problem
from service.api.schemas.answers import AnswerEnd, AnswerStart
from service.api.schemas.base import Finite, Schema, Sha256
from service.collections import collection as values
from service.collections.library import CollectionStatus
from service.collections.neighbors import Neighbor as StoredNeighbor
from service.collections.neighbors import NeighborsAnswer as HeldAnswer
from service.runtime import results


class Collection(Schema):
    """A named set of images as one model sees them."""

    name: str
    model: str
    weights_sha256: Sha256
    """Of the model that filled it."""
    layer: str
    """The layer after which its vectors are taken."""
    dim: int
    """Numbers in a vector."""
    thumbnails: bool
    """Whether thumbnails are stored."""
    originals: bool
    """Whether images are stored as they were sent."""
    created: Finite
    """Seconds since 1970."""
    count: int
    """Images in it."""
    stale: bool
    """Whether new images cannot be compared with those of the collection, because their vectors depend on something
    that has changed."""
    stale_reason: str | None
    """What has changed, in words; null where it is not stale."""
    notice: str
    """What must be shown beside everything from it; may be empty."""

    @classmethod
    def of(cls, status: CollectionStatus) -> Self:
        """A collection and how it fits its model now."""
        fields = {name: value for name, value in vars(status.collection).items() if name in cls.model_fields}
        fingerprint = status.collection.fingerprint
        return cls(
            **fields,
            weights_sha256=fingerprint.weights_sha256,
            layer=fingerprint.layer,
            stale=status.stale_reason is not None,
            stale_reason=status.stale_reason,
            notice=status.notice,
        )


class Collections(Schema):
    """All collections, by name."""

    collections: list[Collection]


class Item(Schema):
    """An image of a collection."""

    id: int
    """Its number, never used twice."""
    sha256: Sha256
    name: str
    """What its sender called it; may be empty."""
    label: str
    """Its class; may be empty."""
    predicted: int
    """Index of the likeliest class."""
    thumbnail: bool
    """Whether there is one, at /collections/{name}/items/{id}/thumbnail."""


class Items(Schema):
    """A page of a collection, in the order the images were added."""

    items: list[Item]
    next: int | None
    """The value of `after` for the next page; null on the last."""
    notice: str
    """What must be shown beside them; may be empty."""


class AddedItem(Schema):
    """An image that is on the disk."""

    status: Literal["saved", "known"]
    """known: the collection had this image already, and it is unchanged."""
    id: int

    @classmethod
    def of(cls, result: values.AddResult) -> Self:
        """An item that was added, or was there already."""
        return cls(status="known" if result.duplicate else "saved", id=result.id)


class AddedItems(Schema):
    """The outcome for each image, in the order sent."""

    results: list[AddedItem | Problem]
    notice: str
    """What must be shown beside them; may be empty."""


class Thumbnail(Schema):
    """A small picture."""

    media_type: str
    base64: str

    @classmethod
    def of(cls, jpeg: bytes | None) -> Self | None:
        """A JPEG, if there is one."""
        return cls(media_type="image/jpeg", base64=base64.b64encode(jpeg).decode()) if jpeg else None


class Neighbor(Schema):
    """A reference image."""

    id: int
    label: str
    name: str
    distance: Finite
    thumbnail: Thumbnail | None

    @classmethod
    def of(cls, found: StoredNeighbor) -> Self:
        """A neighbour with its thumbnail in base64."""
        summary, thumbnail = found.summary, Thumbnail.of(found.thumbnail)
        return cls(id=summary.id, label=summary.label, name=summary.name, distance=found.distance, thumbnail=thumbnail)


class NeighborsPart(Schema):
    """The neighbours of an image."""

    neighbors: list[Neighbor]
    """Nearest first; empty where the image was refused, or the collection is empty."""
    votes: dict[str, int]
    """How many of them have each label, most frequent first."""
    exact: bool
    """Whether every image was compared; above 100 000 images, those most likely to be near are compared."""


class NeighborsAnswer(AnswerEnd, NeighborsPart, AnswerStart):
    """Class scores and the most similar images."""

    @classmethod
    def of_neighbors(cls, found: HeldAnswer, request_id: str) -> Self:
        """An answer with its neighbours."""
        neighbors = [Neighbor.of(one) for one in found.neighbors]
        parts = {"neighbors": neighbors, "votes": dict(found.votes), "exact": found.exact}
        return cls.joined(found.answer, request_id, parts)

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """No neighbours."""
        del answer
        return {"neighbors": [], "votes": {}, "exact": True}


class NeighborsAnswers(Schema):
    """Several images: an answer or a problem for each, in the order sent."""

    results: list[NeighborsAnswer | Problem]


COLLECTION = Collection(
    name="reference",
    model="glaucoma",
    weights_sha256="9b" * 32,
    layer="flatten",
    dim=512,
    thumbnails=True,
    originals=False,
    created=1767225600.0,
    count=500,
    stale=False,
    stale_reason=None,
    notice="SYNTHETIC, NOT FOR CLINICAL USE",
)
ITEM = Item(id=7, sha256="3c" * 32, name="eyes/7.jpg", label="glaucoma", predicted=1, thumbnail=True)
ITEMS = Items(items=[ITEM], next=None, notice=COLLECTION.notice)
SAVED = AddedItems(results=[AddedItem(status="saved", id=7)], notice=COLLECTION.notice)
