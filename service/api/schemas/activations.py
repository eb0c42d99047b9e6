"""Feature maps of single units as JSON."""

from __future__ import annotations

from typing import Any

from service.api.problems import Problem
from service.api.schemas.answers import AnswerEnd, AnswerStart
from service.api.schemas.base import Box, Finite, Schema
from service.api.schemas.numbers import decimals
from service.runtime import results


class Activation(Schema):
    """The feature map of one unit."""

    unit: int
    mean: Finite
    maximum: Finite
    grid: list[list[Finite]]
    """The raw feature map, row by row."""


class Activations(Schema):
    """Feature maps of a layer, before any class is weighted."""

    layer: str
    shape: tuple[int, int, int]
    """Units, rows and columns of the whole layer."""
    region: Box
    """Left, top, right, bottom of the model's input, in pixels of the upright image; each grid covers exactly it. It
    reaches outside the image where the input is padded."""
    units: list[Activation]
    """In the order of the request, or most active first."""


class ActivationsPart(Schema):
    """The feature maps of a layer."""

    activations: Activations | None
    """null if the image is refused."""


class ActivationsAnswer(AnswerEnd, ActivationsPart, AnswerStart):
    """Class scores and feature maps."""

    @classmethod
    def parts(cls, answer: results.Answer) -> dict[str, Any]:
        """The feature maps, with grids as nested lists."""
        found = answer.activations
        if found is None:
            return {"activations": None}
        units = [
            Activation(unit=one.unit, mean=one.mean, maximum=one.maximum, grid=decimals(one.grid))
            for one in found.units
        ]
        shown = Activations(layer=found.layer, shape=found.shape, region=found.region, units=units)
        return {"activations": shown}


class ActivationsAnswers(Schema):
    """Several images: an answer or a problem for each, in the order of the request."""

    results: list[ActivationsAnswer | Problem]
