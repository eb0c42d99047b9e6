"""Explanations as JSON."""

from __future__ import annotations

import base64
from typing import Self

from pydantic import JsonValue

from service.api.schemas.base import Box, Finite, Schema, Share
from service.api.schemas.numbers import decimals
from service.runtime import results


class Target(Schema):
    """The class that a map explains."""

    index: int
    label: str
    probability: Share


class Picture(Schema):
    """An encoded picture."""

    media_type: str
    base64: str
    width: int
    """Pixels."""
    height: int
    """Pixels."""

    @classmethod
    def of(cls, picture: results.Picture) -> Self:
        """A picture with its bytes in base64."""
        return cls(
            media_type=picture.media_type,
            base64=base64.b64encode(picture.data).decode(),
            width=picture.width,
            height=picture.height,
        )


class Region(Schema):
    """A box around a connected region of the map."""

    box: Box
    """Left, top, right, bottom in pixels of the upright image."""
    score: Share
    """Share of the map's positive sum inside the box."""


class TargetMap(Schema):
    """Where the model looked for one target. It is not where a lesion is."""

    target: Target
    grid: list[list[Finite]]
    """The raw signed map at the layer's resolution, row by row."""
    minimum: Finite
    maximum: Finite
    empty: bool
    """Whether the grid has no positive value, so that the heatmap is blank."""
    region: Box
    """Left, top, right, bottom of the model's input, in pixels of the upright image; grid and heatmap cover exactly it.
    It reaches outside the image where the input is padded: left and top are then negative, right and bottom larger
    than the image's width and height."""
    heatmap: Picture
    """The map as an 8-bit grey PNG, at the resolution of the network's input."""
    overlay: Picture | None
    """The map painted over the image, as far as it lies in the image; null unless `overlay` is set."""
    boxes: list[Region] | None
    """Boxes around the map's regions within the image; null unless `boxes` is set."""
    quality: dict[str, Finite | None] | None
    """How far the map can be trusted: the measures of /methods if `quality` is set, and `completeness_delta` for
    methods whose maps add up to the logit. null for a measure without a value."""
    partial: bool
    """Whether the deadline ended the method early; the map then shows the work done until then."""
    done: Share
    """Share of the work that is done; 1 for a complete map."""

    @classmethod
    def of(cls, found: results.TargetMap) -> Self:
        """A map with its grid as nested lists."""
        grid = decimals(found.grid)
        return cls(
            target=Target.model_validate(found.target),
            grid=grid,
            minimum=min(map(min, grid)),
            maximum=max(map(max, grid)),
            empty=found.empty,
            region=found.region,
            heatmap=Picture.of(found.heatmap),
            overlay=found.overlay and Picture.of(found.overlay),
            boxes=None if found.boxes is None else [Region.model_validate(box) for box in found.boxes],
            quality=None if found.quality is None else dict(found.quality),
            partial=found.done < 1,
            done=found.done,
        )


class Explanation(Schema):
    """The maps of one method."""

    method: str
    layer: str
    """The stage whose feature maps are explained."""
    parameters: dict[str, JsonValue]
    """The method's own parameters, with defaults filled in."""
    normalisation: str
    """How the heatmap is computed from the grid, in words."""
    maps: list[TargetMap]
    """One per target, in the order of the request."""

    @classmethod
    def of(cls, found: results.Explanation) -> Self:
        """An explanation with its maps."""
        return cls(
            method=found.method,
            layer=found.layer,
            parameters=dict(found.parameters),
            normalisation=found.normalisation,
            maps=[TargetMap.of(one) for one in found.maps],
        )
