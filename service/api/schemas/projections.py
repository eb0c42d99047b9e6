"""Maps of a collection, and places on them, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from service.api.problems import Problem
from service.api.schemas.answers import AnswerEnd, AnswerStart
from service.api.schemas.base import Finite, Schema
from service.api.schemas.numbers import decimals
from service.collections import projection
from service.collections.projection import MethodName
from service.collections.projections import operations
from service.runtime import results

Coordinates = Annotated[list[Finite], Field(min_length=2, max_length=3)]


class ProjectionSummary(Schema):
    """A finished map without its points."""

    map: str
    """Its name; there is one map for each method and number of dimensions."""
    method: MethodName
    dimensions: Literal[2, 3]
    parameters: dict[str, Finite]
    """The method's own parameters, as used."""
    quality: dict[str, Finite | list[Finite]]
    """pca: `explained_variance`, the share that each dimension keeps. tsne: `perplexity`, and the final
    `kl_divergence`, less of which is better. umap: `neighbors`, `min_dist`."""
    images: int
    """That it was made of."""
    outdated: bool
    """Images came or went since, or all their vectors are others now."""
    created: Finite
    """Seconds since 1970."""

    @classmethod
    def facts(cls, found: projection.ProjectionFacts, outdated: bool) -> Mapping[str, Any]:
        """The fields of a line."""
        return {
            "map": found.name,
            "outdated": outdated,
            **{name: getattr(found, name) for name in cls.model_fields if name not in {"map", "outdated"}},
        }

    @classmethod
    def of(cls, found: projection.ProjectionFacts, outdated: bool) -> Self:
        """A map of a list."""
        return cls(**cls.facts(found, outdated))


class Projections(Schema):
    """All maps of a collection, by name."""

    projections: list[ProjectionSummary]
    notice: str
    """What must be shown beside them; may be empty."""


class Points(Schema):
    """Columns of equal length, in the order of ids. Images removed since the map was made are not among them."""

    ids: list[int]
    names: list[str]
    label: list[int]
    """Of each, its place in `labels`; -1 for none."""
    coordinates: list[Coordinates]


class Projection(ProjectionSummary):
    """A finished map."""

    labels: list[str]
    """Every label there is, in alphabetical order."""
    points: Points
    notice: str
    """What must be shown beside it; may be empty."""

    @classmethod
    def drawn(cls, found: operations.ProjectionView, notice: str) -> Self:
        """A map with its points."""
        labels = sorted({line.label for line in found.lines} - {""})
        places = {label: place for place, label in enumerate(labels)} | {"": -1}
        points = Points(
            ids=[line.id for line in found.lines],
            names=[line.name for line in found.lines],
            label=[places[line.label] for line in found.lines],
            coordinates=decimals(found.coordinates),
        )
        line = ProjectionSummary.facts(found.facts, found.outdated)
        return cls(**line, labels=labels, points=points, notice=notice)


class NearPoint(Schema):
    """An image of the map beside the new one."""

    id: int
    label: str
    name: str
    distance: Finite
    """On the map, in its own units."""


class Placement(Schema):
    """Where the image lies on the map."""

    map: str
    coordinates: Coordinates
    nearest: list[NearPoint]
    """The nearest on the map, nearest first; `/neighbors` compares the vectors themselves."""

    @classmethod
    def of(cls, found: operations.PlacedPoint) -> Self:
        """A place with what is near."""
        near = [
            NearPoint(id=line.id, label=line.label, name=line.name, distance=distance)
            for line, distance in found.nearest
        ]
        return cls(map=found.map, coordinates=found.coordinates.tolist(), nearest=near)


class PlacementPart(Schema):
    """A place, or none."""

    placed: Placement | None
    """Null where the image was refused."""


class PlaceAnswer(AnswerEnd, PlacementPart, AnswerStart):
    """Class scores, and where on a map the image lies."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The place."""
        spot = answer.spot if isinstance(answer, operations.PlacementAnswer) else None
        return {"placed": spot and Placement.of(spot)}


class PlaceAnswers(Schema):
    """Several images: an answer or a problem for each, in the order sent."""

    results: list[PlaceAnswer | Problem]


PROJECTION_SUMMARY = ProjectionSummary(
    map="tsne-2d",
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
    map="tsne-2d",
    coordinates=[1.25, -20.5],
    nearest=[NearPoint(id=7, label="glaucoma", name="eyes/7.jpg", distance=0.35)],
)
