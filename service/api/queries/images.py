"""Query parameters of /predict, /embed, /explain/{method} and /analyze, and the Question they become."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, field_validator
from starlette.datastructures import QueryParams

from service.api.queries.base import MAX_VALUES, BaseQuery, Name
from service.api.queries.methods import find_method, parameter_names, parameter_values
from service.images.picture import COLORMAPS
from service.runtime.question import Question

MAX_LAYERS = 8
"""Layers whose maps are fused."""


class PredictQuery(BaseQuery):
    """Parameters of /predict."""

    model: Name | None = Field(None, description="Name of the model. Default: the registry's default model.")
    top_k: int = Field(5, ge=1, description="Number of classes to return, most probable first; at most all classes.")

    def question(self, methods: Iterable[str] = ()) -> Question:
        """The question to ask about each image. methods: names of explanation methods.

        Raises UnknownName for an unknown method, and BadParameter for a method's own parameter outside its range.
        """
        found = tuple(map(find_method, methods))
        parameters = parameter_values(found, self.model_extra or {})
        return Question(methods=tuple(method.name for method in found), parameters=parameters, **self._fields())

    def _fields(self) -> dict[str, Any]:
        """Fields of the Question, except for methods and their parameters."""
        return {"model": self.model, "top_k": self.top_k}


class EmbedQuery(PredictQuery):
    """Parameters of /embed."""

    layer: Name | None = Field(
        None,
        description="Name of the stage whose pooled output is the vector. Default: the input of the last linear layer.",
    )

    def _fields(self) -> dict[str, Any]:
        return super()._fields() | {"layers": () if self.layer is None else (self.layer,), "embed": True}


class ExplainQuery(PredictQuery):
    """Parameters of /explain/{method}, besides the method's own."""

    target: list[Name] = Field(
        [],
        max_length=MAX_VALUES,
        description="Class to explain, by label or index; repeat for several. Default: the predicted class."
        " If a label looks like an index, the label counts.",
    )
    top_k_targets: int | None = Field(
        None, ge=1, le=MAX_VALUES, description="Also explain the k most probable classes, after those of `target`."
    )
    versus: list[Name] = Field(
        [],
        max_length=MAX_VALUES,
        description="Class to compare the target with, by label or index; repeat for several. The map then shows the"
        " evidence for the target over these classes.",
    )
    layer: list[Name] = Field(
        [],
        max_length=MAX_LAYERS,
        description="Name of the stage whose feature maps are explained; repeat to fuse the maps of several stages."
        " Default: the model's last feature map. Methods at pixel level use the input.",
    )
    fusion: Literal["max", "mean", "product"] = Field(
        "max", description="How the maps of several layers are fused, after each is divided by its maximum."
    )
    boxes: bool = Field(
        False, description="Return boxes around the connected regions of the map, in pixels of the image."
    )
    overlay: bool = Field(False, description="Also return the map painted over the image, as a JPEG.")
    quality: bool = Field(
        False,
        description="Measure how far each map can be trusted, by the measures of /methods. Costs about 36 forwards.",
    )
    colormap: str = Field(
        "inferno", description="Colours of the overlay.", json_schema_extra={"enum": [*sorted(COLORMAPS)]}
    )

    @field_validator("colormap")
    @classmethod
    def _check_colormap(cls, colormap: str) -> str:
        if colormap not in COLORMAPS:
            raise ValueError(f"must be one of {', '.join(sorted(COLORMAPS))}")
        return colormap

    @classmethod
    def requested_methods(cls, path: Mapping[str, str], query: QueryParams) -> tuple[str, ...]:
        """Names of the methods that a request asks for."""
        del query
        return (path["method"],)

    @classmethod
    def method_parameters(cls, path: Mapping[str, str], query: QueryParams) -> Collection[str]:
        """Names of the own parameters of the requested methods. Raises UnknownName for an unknown method."""
        return parameter_names(map(find_method, cls.requested_methods(path, query)))

    def _fields(self) -> dict[str, Any]:
        return super()._fields() | {
            "targets": tuple(self.target),
            "top_k_targets": self.top_k_targets,
            "versus": tuple(self.versus),
            "layers": tuple(self.layer),
            "fusion": self.fusion,
            "quality": self.quality,
            "boxes": self.boxes,
            "overlay": self.overlay,
            "colormap": self.colormap,
        }


class AnalyzeQuery(ExplainQuery):
    """Parameters of /analyze, besides the methods' own."""

    methods: list[Name] = Field(
        [],
        max_length=MAX_VALUES,
        description="Explanation methods. Repeat the parameter or separate names by commas, as in `gradcam,layercam`.",
    )
    embed: bool = Field(False, description="Also return the image as a vector.")

    @classmethod
    def requested_methods(cls, path: Mapping[str, str], query: QueryParams) -> tuple[str, ...]:
        """Names of the methods that a request asks for, in order, each once."""
        del path
        return _split_names(query.getlist("methods"))

    def question(self, methods: Iterable[str] = ()) -> Question:
        """The question to ask about each image, with the methods of the query itself."""
        return super().question((*methods, *_split_names(self.methods)))

    def _fields(self) -> dict[str, Any]:
        return super()._fields() | {"embed": self.embed}


def _split_names(texts: Iterable[str]) -> tuple[str, ...]:
    parts = (part for text in texts for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))
