"""What a request may ask in its query, and the Question it becomes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, get_origin

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.datastructures import QueryParams

from service.errors import BadParameter, UnknownName
from service.explain.method import Method
from service.explain.methods import METHODS
from service.images.picture import COLORMAPS
from service.runtime.question import Question, UnitRequest

Name = Annotated[str, Field(max_length=200)]
"""A model, layer or label: no real one is longer."""

MOST_TARGETS = 100
MOST_LAYERS = 8


class BaseQuery(BaseModel):
    """A route without parameters. Frozen; a name it does not know lands in `model_extra`, and is refused by `check`."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    def check(self, sent: QueryParams, also: Collection[str] = ()) -> None:
        """Raise BadParameter for a name nobody knows, or a single value given twice.

        sent: the query as it came. also: names of the methods' own parameters.
        """
        fields = type(self).model_fields
        for name in sent:
            if name not in fields and name not in also:
                known = [*fields, *sorted(also)]
                names = f"it takes {', '.join(known)}" if known else "it takes none"
                raise BadParameter(f"this address takes no query parameter {name[:40]!r}; {names}")
            repeatable = name in fields and get_origin(fields[name].annotation) is list
            if not repeatable and len(sent.getlist(name)) > 1:
                raise BadParameter(f"query parameter {name[:40]} was given more than once, and takes one value")


NoQuery = Annotated[BaseQuery, Query()]
"""For routes that take no parameters: a query there is refused rather than passed over."""


class FiltersQuery(BaseQuery):
    """Parameters of /models/{name}/filters."""

    layer: Name | None = Field(None, description="A convolution's dotted name; left out, the first one.")


class ActivationsQuery(BaseQuery):
    """Parameters of /models/{name}/activations."""

    layer: Name | None = Field(None, description="A stage's name; left out, the model's default, its last map.")
    units: list[Name] = Field(
        [],
        max_length=MOST_TARGETS,
        description="Units (channels) to show, counted from 0: repeat it, or separate them by commas. Left out, the"
        " most active ones.",
        examples=[["0,5"]],
    )
    top: int = Field(16, ge=1, le=256, description="How many units to show where none is named, most active first.")

    def asked(self, model: str) -> Question:
        """The Question this query asks about each image. Raises BadParameter for units that are no whole numbers."""
        words = [word.strip() for text in self.units for word in text.split(",") if word.strip()]
        if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
            raise BadParameter("query parameter units: name them by whole numbers from 0 on, as in units=0,5")
        unit_request = UnitRequest(tuple(dict.fromkeys(map(int, words))), self.top)
        return Question(model=model, layer=self.layer, unit_request=unit_request)


class PredictQuery(BaseQuery):
    """Parameters of every image route."""

    model: Name | None = Field(None, description="Which model answers; left out, the registry's default.")
    top_k: int = Field(5, ge=1, description="How many classes to return, likeliest first; too many gives all of them.")

    def question(self, sent: QueryParams, methods: tuple[str, ...] = ()) -> Question:
        """The Question this query asks about each image.

        sent: the query as it came. methods: names of methods. Raises UnknownName for a method that does not exist,
        and BadParameter for a name nobody knows, a single value given twice, or a method's own out of its range.
        """
        rows = tuple(map(method_named, methods))
        self.check(sent, {name for row in rows for name in row.parameters.model_fields})
        own: dict[str, object] = {}
        for row in rows:
            own |= _own(row, self.model_extra or {})
        return Question(methods=tuple(row.name for row in rows), parameters=own, **self._common())

    def _common(self) -> dict[str, Any]:
        return {"model": self.model, "top_k": self.top_k}


class EmbedQuery(PredictQuery):
    """Parameters of /embed."""

    layer: Name | None = Field(
        None, description="Which stage's output to pool into the vector; left out, the input of the last linear layer."
    )

    def _common(self) -> dict[str, Any]:
        return super()._common() | {"layer": self.layer, "embed": True}


class ExplainQuery(PredictQuery):
    """Parameters of /explain/{method}; the method's own come on top."""

    target: list[Name] = Field(
        [],
        max_length=MOST_TARGETS,
        description="A class to explain, by label or index; repeat it for several. Left out, the predicted class."
        " A label comes before an index of the same name.",
    )
    top_k_targets: int | None = Field(
        None, ge=1, le=MOST_TARGETS, description="Explain the k likeliest classes, after those named."
    )
    versus: list[Name] = Field(
        [],
        max_length=MOST_TARGETS,
        description="A class to contrast the target with, by label or index; repeat it for several. The map then shows"
        " what speaks for the target rather than for these.",
    )
    layer: list[Name] = Field(
        [],
        max_length=MOST_LAYERS,
        description="Which stage's feature maps to look at; left out, the model's default, its last map. Repeat it to"
        " fuse the maps of several. Methods in pixels look at the input.",
    )
    fusion: Literal["max", "mean", "product"] = Field(
        "max", description="How maps of several layers become one: each is positive and divided by its maximum first."
    )
    boxes: bool = Field(False, description="Draw boxes around the map's connected regions, in the original's pixels.")
    overlay: bool = Field(False, description="Also return the map painted over the image, as a JPEG.")
    quality: bool = Field(
        False, description="Measure how far each map can be trusted; /methods defines the figures. About 36 forwards."
    )
    colormap: str = Field(
        "inferno", description="The overlay's colours.", json_schema_extra={"enum": [*sorted(COLORMAPS)]}
    )

    @field_validator("colormap")
    @classmethod
    def _exists(cls, colormap: str) -> str:
        if colormap not in COLORMAPS:
            raise ValueError(f"must be one of {', '.join(sorted(COLORMAPS))}")
        return colormap

    def _common(self) -> dict[str, Any]:
        return super()._common() | {
            "targets": tuple(self.target),
            "top_k_targets": self.top_k_targets,
            "versus": tuple(self.versus),
            "layer": self.layer[0] if self.layer else None,
            "fused": tuple(self.layer[1:]),
            "fusion": self.fusion,
            "quality": self.quality,
            "boxes": self.boxes,
            "overlay": self.overlay,
            "colormap": self.colormap,
        }


class AnalyzeQuery(ExplainQuery):
    """Parameters of /analyze; the methods' own come on top."""

    methods: list[Name] = Field(
        [],
        max_length=MOST_TARGETS,
        description="Methods to explain with: repeat it, or separate them by commas.",
        examples=[["gradcam,layercam"]],
    )
    embed: bool = Field(False, description="Also return the image as a vector.")

    @property
    def names(self) -> tuple[str, ...]:
        """The methods asked for, in order, each once."""
        parts = (part.strip(",") for text in self.methods for part in text.split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def asked(self, sent: QueryParams) -> Question:
        """The Question, with the methods that the query itself names."""
        return self.question(sent, self.names)

    def _common(self) -> dict[str, Any]:
        return super()._common() | {"embed": self.embed}


def method_named(name: str) -> Method:
    """A method of the table. A blank counts as a plus, which is what a query makes of `gradcam++`.

    Raises UnknownName that lists what there is.
    """
    method = METHODS.get(name.replace(" ", "+"))
    if method is None:
        raise UnknownName(f"there is no method {name[:80]!r}; there are {', '.join(METHODS)}")
    return method


def _own(method: Method, sent: Mapping[str, object]) -> dict[str, object]:
    """Those values sent that are the method's own, checked by its model."""
    mine = {name: value for name, value in sent.items() if name in method.parameters.model_fields}
    try:
        return method.parameters.model_validate(mine).model_dump(include=set(mine))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadParameter(f"query parameter {where} of {method.name}: {first['msg']}") from None
