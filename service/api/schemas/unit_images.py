"""Filters of a convolution as a picture or as numbers, and feature maps as a picture."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.api.schemas.models import Filters
from service.api.schemas.numbers import decimals
from service.errors import NotAcceptable
from service.images.rendering import png, tiles
from service.models.filters import sheet
from service.runtime.results import Activations

MAX_JSON_WEIGHTS = 250_000
"""Weights in one JSON response. More would take tens of megabytes."""


def _png(model: str, layer: str, weights: NDArray[np.float32]) -> bytes:
    del model, layer
    buffer = io.BytesIO()
    Image.fromarray(sheet(weights)).save(buffer, "PNG")
    return buffer.getvalue()


def _json(model: str, layer: str, weights: NDArray[np.float32]) -> bytes:
    if weights.size > MAX_JSON_WEIGHTS:
        raise NotAcceptable(
            f"layer {layer!r} has {weights.size} weights, and JSON is limited to {MAX_JSON_WEIGHTS}; accept image/png"
        )
    found = Filters(model=model, layer=layer, shape=list(weights.shape), weights=decimals(weights))
    return found.__pydantic_serializer__.to_json(found)


def tiles_png(found: Activations) -> bytes:
    """Units side by side as a PNG, each scaled to its own range, with its number and largest activation above it."""
    captions = [f"{one.unit}: {one.maximum:.3g}" for one in found.units]
    return png(tiles([one.grid for one in found.units], captions))


FILTER_ENCODERS = {"image/png": _png, "application/json": _json}
"""By media type: (model, layer, weights float32 [out, in, height, width]) -> response body."""
