"""Pictures with a heatmap, a signed map or a highlighted region over them, and maps side by side."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from service.images.colormap import DEFAULT, table
from service.images.geometry import Size
from service.images.picture import MAX_OPACITY, upsample

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

POSITIVE_COLOUR, NEGATIVE_COLOUR = (255, 140, 0), (40, 110, 255)
"""Orange and blue, which nearly everybody can tell apart."""

OUTSIDE_BRIGHTNESS = 0.3
"""How bright a picture is outside the highlighted region, as a share of its own brightness."""

GAP, CAPTION = 4, 18
"""Pixels between tiles, and of the line of text above each."""


def with_heatmap(picture: Pixels, grid: Floats, maximum: float, colormap: str = DEFAULT) -> Pixels:
    """The picture uint8 [h, w, 3] under the positive part of a map; full heat at `maximum` and above."""
    levels = _levels(grid, picture.shape[:2], maximum)
    colours = table(colormap)[np.rint(255 * levels).astype(np.uint8)]
    return _mixed(picture, colours, levels)


def with_signed_map(picture: Pixels, grid: Floats, maximum: float) -> Pixels:
    """The picture uint8 [h, w, 3] in grey under a signed map: orange what is positive, blue what is negative."""
    grey = np.repeat(np.rint(picture.mean(2, keepdims=True)).astype(np.uint8), 3, 2)
    positive, negative = (_levels(sign * grid, picture.shape[:2], maximum) for sign in (1, -1))
    colours = np.where((positive > 0)[..., None], POSITIVE_COLOUR, NEGATIVE_COLOUR)
    return _mixed(grey, colours.astype(np.uint8), positive + negative)


def with_highlight(picture: Pixels, region: NDArray[np.bool_]) -> Pixels:
    """The picture uint8 [h, w, 3] as it is within the region bool [h, w], edged brightly, and dim elsewhere."""
    shown = np.where(region[..., None], picture, (OUTSIDE_BRIGHTNESS * picture).astype(np.uint8))
    inner = region.copy()
    inner[1:] &= region[:-1]
    inner[:-1] &= region[1:]
    inner[:, 1:] &= region[:, :-1]
    inner[:, :-1] &= region[:, 1:]
    shown[region & ~inner] = (255, 235, 80)
    return np.asarray(shown, np.uint8)


def tile(grid: Floats, scale: int) -> Pixels:
    """A map [h, w] alone, each cell `scale` pixels wide: viridis from its minimum to its maximum, even where flat."""
    low, high = float(grid.min()), float(grid.max())
    levels = np.zeros(grid.shape, np.float32) if high <= low else (grid - low) / (high - low)
    return table("viridis")[np.rint(255 * levels).astype(np.uint8)].repeat(scale, 0).repeat(scale, 1)


def side_by_side(tiles: Sequence[Pixels], captions: Sequence[str], columns: int = 0) -> Pixels:
    """Tiles of one size in reading order on white, a caption above each; as square a sheet as there can be.

    Captions are for short words in Latin letters: the built-in font has no others, and what does not fit is cut off.
    """
    height, width = tiles[0].shape[:2]
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    down, across = height + CAPTION + GAP, width + GAP
    page = Image.new("RGB", (columns * across + GAP, rows * down + GAP), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for index, (pixels, caption) in enumerate(zip(tiles, captions, strict=True)):
        left, top = GAP + index % columns * across, GAP + index // columns * down
        fitting = (caption[:end] for end in range(len(caption), 0, -1) if pen.textlength(caption[:end], font) <= width)
        pen.text((left, top), next(fitting, ""), fill="black", font=font)
        page.paste(Image.fromarray(pixels), (left, top + CAPTION))
    return np.asarray(page)


def tiles(grids: Sequence[Floats], captions: Sequence[str], side: int = 112) -> Pixels:
    """Maps [h, w] of one size side by side, each stretched to its own range and about `side` pixels wide or high."""
    scale = max(1, round(side / max(grids[0].shape)))
    return side_by_side([tile(grid, scale) for grid in grids], captions)


def png(pixels: Pixels) -> bytes:
    """A PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def jpeg(pixels: Pixels, quality: int = 85) -> bytes:
    """A JPEG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def resized(pixels: Pixels, side: int) -> Pixels:
    """A picture uint8 [h, w, 3] in its own shape, its longer side `side` pixels."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def _levels(grid: Floats, size: Size, maximum: float) -> Floats:
    if maximum <= 0:
        return np.zeros(size, np.float32)
    return np.asarray(np.clip(upsample(np.asarray(grid, np.float32), size) / maximum, 0, 1), np.float32)


def _mixed(picture: Pixels, colours: Pixels, levels: Floats) -> Pixels:
    opacity = MAX_OPACITY * levels[..., None]
    return np.asarray(np.rint((1 - opacity) * picture + opacity * colours), np.uint8)
