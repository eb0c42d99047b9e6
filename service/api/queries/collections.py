"""The query parameters of /collections and what lies below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from service.api.queries.base import MAX_VALUES, BaseQuery, Name
from service.collections.collection import NAME, NewImage
from service.collections.projection import MethodName, ProjectionRequest
from service.errors import BadParameter


class CollectionQuery(BaseQuery):
    """Parameters of a new collection."""

    name: str = Field(
        pattern=f"^{NAME.pattern}$",
        description="What to call it: lower-case letters, digits, - and _.",
        examples=["reference"],
    )
    model: Name | None = Field(None, description="The model whose features it holds; left out, the registry's default.")
    thumbnails: bool = Field(True, description="Keep a small JPEG of every image.")
    originals: bool = Field(False, description="Keep every image as it was sent.")


class ItemsQuery(BaseQuery):
    """Parameters of images for a collection."""

    label: list[Name] = Field(
        [], max_length=MAX_VALUES, description="The images' class: one for all of them, or one for each, in order."
    )
    title: list[Name] = Field(
        [], max_length=MAX_VALUES, description="What to call each image, in order, such as its file's name."
    )

    def named(self, images: Sequence[tuple[bytes, bytes | None]]) -> list[NewImage]:
        """Each image and its mask with its name and label. Raises BadParameter where their numbers do not fit."""
        labels, titles = self.label, self.title
        if len(labels) == 1:
            labels = labels * len(images)
        for parameter, values in (("label", labels), ("title", titles)):
            if values and len(values) != len(images):
                raise BadParameter(f"query parameter {parameter}: {len(values)} came for {len(images)} images")
        blank = [""] * len(images)
        named = zip(images, titles or blank, labels or blank, strict=True)
        return [NewImage(image, title, label, mask) for (image, mask), title, label in named]


class PageQuery(BaseQuery):
    """Parameters of a list of items."""

    after: int = Field(
        0, ge=0, lt=2**63, description="List what comes behind the item of this number; `next` gives it."
    )
    limit: int = Field(100, ge=1, le=1000, description="How many items to list at most.")


class NeighborsQuery(BaseQuery):
    """Parameters of /collections/{name}/neighbors."""

    k: int = Field(10, ge=1, le=100, description="How many neighbours to return, nearest first.")
    metric: Literal["cosine", "l2"] = Field(
        "cosine", description="cosine: 1 - cos of the angle between vectors. l2: Euclidean distance."
    )
    space: Literal["features", "pixels"] = Field(
        "features", description="Compare what the network makes of images, or 32 × 32 pixels of each."
    )
    top_k: int = Field(5, ge=1, description="How many classes to return, likeliest first.")


class UnitQuery(BaseQuery):
    """Parameters of /collections/{name}/units/{unit}."""

    k: int = Field(10, ge=1, le=100, description="How many images to return, the one that excites it most first.")


class ProjectionQuery(BaseQuery):
    """Parameters of a new map."""

    method: MethodName = Field(description="How the map is made.")
    dimensions: int = Field(2, ge=2, le=3, description="Of the map.")
    perplexity: float | None = Field(
        None,
        ge=1,
        le=1000,
        allow_inf_nan=False,
        description="Only for tsne: how many neighbours count, softly; at most a third of the images. Left out, 30, or"
        " as many as there can be.",
    )
    neighbors: int | None = Field(
        None, ge=2, le=1000, description="Only for umap: how many neighbours count; fewer than images. Left out, 15."
    )
    min_dist: float | None = Field(
        None,
        ge=0,
        le=0.99,
        allow_inf_nan=False,
        description="Only for umap: how near points may come to each other. Left out, 0.1.",
    )
    seed: int | None = Field(
        None, ge=0, lt=2**31, description="Only for tsne and umap: of what is random in them. Left out, 0."
    )

    def wish(self) -> ProjectionRequest:
        """What kind of map is asked for."""
        return ProjectionRequest(**{name: getattr(self, name) for name in type(self).model_fields})


class PlaceQuery(BaseQuery):
    """Parameters of .../place."""

    top_k: int = Field(5, ge=1, description="How many classes to return, likeliest first.")
