"""The filters of a convolution, as numbers and as a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import nn

from service.errors import UnknownName
from service.models.stages import Network, Stage
from service.models.tracing.stage import Permuted, TracedStage


def convolutions(network: Network) -> dict[str, nn.Conv2d]:
    """All convolutions of a network by dotted name, in the order of the stages."""
    return {name: module for stage in network.stages for name, module in _named(stage) if isinstance(module, nn.Conv2d)}


def _named(stage: Stage) -> Iterator[tuple[str, nn.Module]]:
    """The modules of a stage by their dotted names in the network; a recorded stage has them under these names."""
    module = stage.module.module if isinstance(stage.module, Permuted) else stage.module
    yield from module.named_modules(prefix="" if isinstance(module, TracedStage) else stage.name)


def filters(network: Network, layer: str | None = None) -> tuple[str, NDArray[np.float32]]:
    """The name and weights float32 [out, in, height, width] of a convolution; the first one if none is named.

    Raises UnknownName if the network has no such convolution.
    """
    found = convolutions(network)
    if not found or (layer is not None and layer not in found):
        raise UnknownName(f"there is no convolution {layer!r}; this model has {', '.join(found) or 'none'}")
    name = layer or next(iter(found))
    return name, found[name].weight.detach().float().numpy().copy()


def sheet(weights: NDArray[np.float32], scale: int = 8, most: int = 256) -> NDArray[np.uint8]:
    """Filters side by side, uint8 [H, W, 3], each stretched to its own range and enlarged `scale` times.

    weights: [out, in, height, width]. Filters over three channels are shown in colour, all others as the grey mean
    over their input channels. At most `most` are shown, in reading order, one pixel of white between them.
    """
    tiles = weights[:most] if weights.shape[1] == 3 else weights[:most].mean(1, keepdims=True).repeat(3, 1)
    low = tiles.min((1, 2, 3), keepdims=True)
    spread = tiles.max((1, 2, 3), keepdims=True) - low
    shades = np.divide(tiles - low, spread, out=np.full_like(tiles, 0.5), where=spread > 0)
    pixels = (255 * shades + 0.5).astype(np.uint8).transpose(0, 2, 3, 1)  # (out, height, width, 3)
    pixels = pixels.repeat(scale, 1).repeat(scale, 2)
    pixels = np.pad(pixels, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=255)
    columns = math.ceil(math.sqrt(len(pixels)))
    rows = math.ceil(len(pixels) / columns)
    blank = np.full((rows * columns - len(pixels), *pixels.shape[1:]), 255, np.uint8)
    grid = np.concatenate([pixels, blank]).reshape(rows, columns, *pixels.shape[1:])
    return np.ascontiguousarray(grid.swapaxes(1, 2).reshape(rows * pixels.shape[1], columns * pixels.shape[2], 3))
