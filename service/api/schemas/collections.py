"""Collections, their items and neighbours as JSON."""

from __future__ import annotations

import base64
from typing import Any, Literal, Self

from service.api.problems import Problem
from service.api.schemas.answers import AnswerEnd, AnswerStart
from service.api.schemas.base import Finite, Schema, Sha256
from service.collections import collection as kept
from service.collections import library
from service.collections.library import Library
from service.runtime import results


class Collection(Schema):
    """A named set of images as one model sees them."""

    name: str
    model: str
    weights_sha256: Sha256
    """Of the model that filled it."""
    layer: str
    """Where its vectors are taken."""
    dim: int
    """Numbers in a vector."""
    thumbnails: bool
    """Whether small pictures are kept."""
    originals: bool
    """Whether images are kept as they were sent."""
    created: Finite
    """Seconds since 1970."""
    count: int
    """Images in it."""
    stale: bool
    """The model has other weights now, so that nothing new can be compared with what is here."""
    notice: str
    """What must be shown beside everything from it; may be empty."""

    @classmethod
    def of(cls, found: kept.Collection, library: Library) -> Self:
        """A collection with what the registry says of its model now."""
        return cls(**vars(found), stale=library.stale(found), notice=library.notice(found))


class Collections(Schema):
    """All collections, by name."""

    collections: list[Collection]


class Item(Schema):
    """An image of a collection."""

    id: int
    """Its number, never given twice."""
    sha256: Sha256
    name: str
    """What its sender called it; may be empty."""
    label: str
    """Its class; may be empty."""
    predicted: int
    """Index of the class the model finds likeliest."""
    thumbnail: bool
    """Whether there is one, at /collections/{name}/items/{id}/thumbnail."""


class Items(Schema):
    """A page of a collection, in the order images came."""

    items: list[Item]
    next: int | None
    """What `after` must be for the next page; null on the last."""
    notice: str
    """What must be shown beside them; may be empty."""


class AddedItem(Schema):
    """An image that is on the disk."""

    status: Literal["saved", "known"]
    """known: the collection had this very image already, and keeps it as it was."""
    id: int


class AddedItems(Schema):
    """What became of each image, in the order sent."""

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
    def of(cls, found: library.Neighbor) -> Self:
        """A neighbour with its picture in base64."""
        line, picture = found.line, Thumbnail.of(found.thumbnail)
        return cls(id=line.id, label=line.label, name=line.name, distance=found.distance, thumbnail=picture)


class NeighborsPart(Schema):
    """What is near to the image."""

    neighbors: list[Neighbor]
    """Nearest first; empty where the image was refused, or the collection is empty."""
    votes: dict[str, int]
    """How many of them have each label, most frequent first."""
    exact: bool
    """Whether every image was compared; above 100 000 those most likely to be near are."""


class NeighborsAnswer(AnswerEnd, NeighborsPart, AnswerStart):
    """Class scores and the most similar images."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The neighbours."""
        found = answer if isinstance(answer, library.NeighborsAnswer) else library.NeighborsAnswer.around(answer)
        return {
            "neighbors": [Neighbor.of(one) for one in found.neighbours],
            "votes": dict(found.votes),
            "exact": found.exact,
        }


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
    notice="SYNTHETIC, NOT FOR CLINICAL USE",
)
ITEM = Item(id=7, sha256="3c" * 32, name="eyes/7.jpg", label="glaucoma", predicted=1, thumbnail=True)
ITEMS = Items(items=[ITEM], next=None, notice=COLLECTION.notice)
SAVED = AddedItems(results=[AddedItem(status="saved", id=7)], notice=COLLECTION.notice)
