"""The query parameters of /collections and what lies below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from service.api.queries.base import MAX_VALUES, BaseQuery, Name
from service.collections.collection import NAME_PATTERN, NewImage
from service.collections.projection import MethodName, ProjectionRequest
from service.errors import BadParameter


class CollectionQuery(BaseQuery):
    """Parameters of a new collection."""

    name: str = Field(
        pattern=f"^{NAME_PATTERN.pattern}$",
        description="Its name: lower-case letters, digits, - and _.",
        examples=["reference"],
    )
    model: Name | None = Field(
        None, description="The model whose features it stores; the registry's default if left out."
    )
    thumbnails: bool = Field(True, description="Store a thumbnail of every image.")
    originals: bool = Field(False, description="Store every image as it was sent.")


class ItemsQuery(BaseQuery):
    """Parameters of images for a collection."""

    label: list[Name] = Field(
        [],
        max_length=MAX_VALUES,
        description="The class of the images: one for all of them, or one for each, in order.",
    )
    title: list[Name] = Field(
        [], max_length=MAX_VALUES, description="The name of each image, in order, such as its file's name."
    )

    def label_images(self, images: Sequence[tuple[bytes, bytes | None]]) -> list[NewImage]:
        """Each image and its mask with its name and label. Raises BadParameter where their numbers differ."""
        labels, titles = self.label, self.title
        if len(labels) == 1:
            labels = labels * len(images)
        for parameter, values in (("label", labels), ("title", titles)):
            if values and len(values) != len(images):
                raise BadParameter(f"query parameter {parameter}: {len(values)} values came for {len(images)} images")
        empty = [""] * len(images)
        rows = zip(images, titles or empty, labels or empty, strict=True)
        return [NewImage(image, title, label, mask) for (image, mask), title, label in rows]


class PageQuery(BaseQuery):
    """Parameters of a list of items."""

    after: int = Field(0, ge=0, lt=2**63, description="List items with numbers above this one; `next` gives its value.")
    limit: int = Field(100, ge=1, le=1000, description="The largest number of items to list.")


class NeighborsQuery(BaseQuery):
    """Parameters of /collections/{name}/neighbors."""

    k: int = Field(10, ge=1, le=100, description="How many neighbours to return, nearest first.")
    metric: Literal["cosine", "l2"] = Field(
        "cosine", description="cosine: 1 - cos of the angle between vectors. l2: Euclidean distance."
    )
    space: Literal["features", "pixels"] = Field(
        "features", description="Compare the network's features, or 32 × 32 pixels of each image."
    )
    top_k: int = Field(5, ge=1, description="How many classes to return, likeliest first.")


class UnitQuery(BaseQuery):
    """Parameters of /collections/{name}/units/{unit}."""

    k: int = Field(
        10, ge=1, le=100, description="How many images to return, the one with the largest activation first."
    )


class ProjectionQuery(BaseQuery):
    """Parameters of a new projection."""

    method: MethodName = Field(description="The projection method.")
    dimensions: int = Field(2, ge=2, le=3, description="Of the projection.")
    perplexity: float | None = Field(
        None,
        ge=1,
        le=1000,
        allow_inf_nan=False,
        description="Only for tsne: the effective number of neighbours; at most a third of the images. The default is"
        " 30, or less for few images.",
    )
    neighbors: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="Only for umap: the number of neighbours; less than the number of images. The default is 15.",
    )
    min_dist: float | None = Field(
        None,
        ge=0,
        le=0.99,
        allow_inf_nan=False,
        description="Only for umap: the smallest distance between points. The default is 0.1.",
    )
    seed: int | None = Field(
        None, ge=0, lt=2**31, description="Only for tsne and umap: the seed of their random numbers. The default is 0."
    )

    def to_request(self) -> ProjectionRequest:
        """The projection that is requested."""
        return ProjectionRequest(**{name: getattr(self, name) for name in type(self).model_fields})


class PlaceQuery(BaseQuery):
    """Parameters of .../place."""

    top_k: int = Field(5, ge=1, description="How many classes to return, likeliest first.")
