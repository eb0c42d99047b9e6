"""Projections of a collection, and images placed on them, as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from service.api.problems import Problem
from service.api.schemas.answers import AnswerEnd, AnswerStart
from service.api.schemas.base import Finite, Schema
from service.api.schemas.numbers import decimals
from service.collections.projection import MethodName, ProjectionFacts
from service.collections.projections import operations
from service.runtime import results

Coordinates = Annotated[list[Finite], Field(min_length=2, max_length=3)]


class ProjectionSummary(Schema):
    """A finished projection without its points."""

    projection: str
    """Its name; there is one projection for each method and number of dimensions."""
    method: MethodName
    dimensions: Literal[2, 3]
    parameters: dict[str, Finite]
    """The method's own parameters, as used."""
    quality: dict[str, Finite | list[Finite]]
    """pca: `explained_variance`, the share that each dimension explains. tsne: `perplexity`, and the final
    `kl_divergence`, which is better when it is lower. umap: `neighbors`, `min_dist`."""
    images: int
    """How many it shows."""
    outdated: bool
    """Whether images were added, removed or embedded again since it was computed."""
    created: Finite
    """Seconds since 1970."""

    @classmethod
    def of(cls, status: operations.ProjectionStatus) -> Self:
        """A projection in a list."""
        return cls(**_summary(status.facts, status.outdated))


class Projections(Schema):
    """All projections of a collection, by name."""

    projections: list[ProjectionSummary]
    notice: str
    """What must be shown beside them; may be empty."""


class Points(Schema):
    """Columns of equal length, in the order of ids, without images that were removed since."""

    ids: list[int]
    names: list[str]
    label: list[int]
    """Of each, its index in `labels`; -1 for none."""
    coordinates: list[Coordinates]


class Projection(ProjectionSummary):
    """A finished projection."""

    labels: list[str]
    """Every label that occurs, in alphabetical order."""
    points: Points
    notice: str
    """What must be shown beside it; may be empty."""

    @classmethod
    def with_points(cls, view: operations.ProjectionView, notice: str) -> Self:
        """A projection with its points."""
        labels = sorted({summary.label for summary in view.summaries} - {""})
        indexes = {label: index for index, label in enumerate(labels)} | {"": -1}
        points = Points(
            ids=[summary.id for summary in view.summaries],
            names=[summary.name for summary in view.summaries],
            label=[indexes[summary.label] for summary in view.summaries],
            coordinates=decimals(view.coordinates),
        )
        return cls(**_summary(view.facts, view.outdated), labels=labels, points=points, notice=notice)


class NearPoint(Schema):
    """An image of the projection beside the new one."""

    id: int
    label: str
    name: str
    distance: Finite
    """On the projection, in its own units."""


class Placement(Schema):
    """Where the image lies on the projection."""

    projection: str
    coordinates: Coordinates
    nearest: list[NearPoint]
    """The nearest on the projection, nearest first; `/neighbors` compares the vectors themselves."""

    @classmethod
    def of(cls, found: operations.Placement) -> Self:
        """A place, and the images near it."""
        near = [
            NearPoint(id=summary.id, label=summary.label, name=summary.name, distance=distance)
            for summary, distance in found.nearest
        ]
        return cls(projection=found.projection, coordinates=found.coordinates.tolist(), nearest=near)


class PlacementPart(Schema):
    """A place, or none."""

    placement: Placement | None
    """Null where the image was refused."""


class PlaceAnswer(AnswerEnd, PlacementPart, AnswerStart):
    """Class scores, and the place of the image on a projection."""

    @classmethod
    def of_placement(cls, found: operations.PlacementAnswer, request_id: str) -> Self:
        """An answer with its place."""
        placement = Placement.of(found.placement) if found.placement else None
        return cls.joined(found.answer, request_id, {"placement": placement})

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """No place."""
        del answer
        return {"placement": None}


class PlaceAnswers(Schema):
    """Several images: an answer or a problem for each, in the order sent."""

    results: list[PlaceAnswer | Problem]


def _summary(facts: ProjectionFacts, outdated: bool) -> dict[str, Any]:
    names = ("method", "dimensions", "parameters", "quality", "images", "created")
    return {"projection": facts.name, "outdated": outdated, **{name: getattr(facts, name) for name in names}}


PROJECTION_SUMMARY = ProjectionSummary(
    projection="tsne-2d",
    method="tsne",
    dimensions=2,
    parameters={"perplexity": 30.0, "seed": 0},
    quality={"perplexity": 30.0, "kl_divergence": 0.72},
    images=500,
    outdated=False,
    created=1767225660.0,
)
NOTICE = "SYNTHETIC, NOT FOR CLINICAL USE"
PROJECTION = Projection(
    **PROJECTION_SUMMARY.model_dump(),
    labels=["glaucoma", "normal"],
    points=Points(
        ids=[7, 8], names=["eyes/7.jpg", "eyes/8.jpg"], label=[0, -1], coordinates=[[1.5, -20.25], [3.0, 4.5]]
    ),
    notice=NOTICE,
)
PROJECTIONS = Projections(projections=[PROJECTION_SUMMARY], notice=NOTICE)
PLACEMENT = Placement(
    projection="tsne-2d",
    coordinates=[1.25, -20.5],
    nearest=[NearPoint(id=7, label="glaucoma", name="eyes/7.jpg", distance=0.35)],
)
