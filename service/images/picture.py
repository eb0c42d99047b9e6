"""Maps made visible: small grey heatmaps for programs, and overlays with a legend for people."""

from __future__ import annotations

import io
import struct
import zlib
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from service.images.colormap import COLORMAPS, DEFAULT, table
from service.images.geometry import Geometry, Size
from service.images.legend import with_legend

__all__ = ["COLORMAPS", "heatmap_png", "overlay", "upsample"]

Floats = npt.NDArray[np.float32]
MediaType = Literal["image/jpeg", "image/png"]

MAX_OPACITY = 0.65  # at the maximum; the picture must stay visible under the heat
JPEG_QUALITY = 88


def upsample(grid: Floats, size: Size) -> Floats:
    """A map float32[h, w] at float32[*size]: bilinear between cell centres, the outermost values held to the edge.

    The same numbers as torch's `interpolate(mode="bilinear", align_corners=False)`.
    """
    return np.asarray(_weights(grid.shape[0], size[0]) @ grid @ _weights(grid.shape[1], size[1]).T, np.float32)


def heatmap_png(grid: Floats, size: Size) -> bytes:
    """An 8-bit grey PNG: 255 · max(value, 0) / grid.max(), all 0 where nothing in the grid is positive.

    0.1 to 0.3 ms at 224²: rows of differences (filter 1) at zlib's fastest level; Pillow's encoder takes 0.4 to 1.2 ms.
    """
    levels = _levels(upsample(grid, size), grid)
    height, width = size
    rows = np.empty((height, width + 1), np.uint8)
    rows[:, 0] = 1  # each pixel minus its left neighbour
    rows[:, 1] = levels[:, 0]
    np.subtract(levels[:, 1:], levels[:, :-1], out=rows[:, 2:])
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def overlay(
    preview: npt.NDArray[np.uint8],
    geometry: Geometry,
    grid: Floats,
    colormap: str = DEFAULT,
    media_type: MediaType = "image/jpeg",
    caption: str = "",
) -> bytes:
    """The picture with its heat on it and a legend below, as an encoded file; heavier heat hides more of the picture.

    preview: uint8[h, w, 3], the whole upright picture at any scale; it keeps its upper left corner and its scale, and
    what lies outside the geometry's region keeps its pixels. grid: float32[rows, columns], the map over that region.
    caption: what the legend says besides the colour scale from 0 to the grid's maximum; wrapped, line breaks kept.
    The file is taller than the preview by the legend, and wider where the preview is very small.
    Raises BadParameter on an unknown colormap.
    """
    colours = table(colormap)
    picture = Image.fromarray(preview)
    left, top, levels = _over_region(picture.size, geometry, grid)
    if levels.size:
        heat = Image.fromarray(levels)
        opacity = heat.point([round(255 * MAX_OPACITY * level / 255) for level in range(256)])
        heat.putpalette(colours.tobytes())
        picture.paste(heat.convert("RGB"), (left, top), opacity)
    maximum = max(float(grid.max()), 0.0)
    return _encoded(with_legend(picture, colours, maximum, caption), media_type)


def _over_region(size: tuple[int, int], geometry: Geometry, grid: Floats) -> tuple[int, int, npt.NDArray[np.uint8]]:
    """Left and top pixel of the region in a preview of this size, and the heat of each pixel centred within it."""
    left, top, right, bottom = geometry.region
    first_column, across = _crossed(size[0], geometry.width, left, right, grid.shape[1])
    first_row, down = _crossed(size[1], geometry.height, top, bottom, grid.shape[0])
    return first_column, first_row, _levels(np.asarray(down @ grid @ across.T, np.float32), grid)


def _crossed(pixels: int, original: int, start: float, end: float, cells: int) -> tuple[int, Floats]:
    """Along one side of the preview: the first pixel whose centre lies in [start, end), and the weights of all such."""
    centres = (np.arange(pixels) + 0.5) * original / pixels
    within = (centres >= start) & (centres < end)
    return int(within.argmax()), _between((centres[within] - start) / (end - start) * cells, cells)


def _levels(values: Floats, grid: Floats) -> npt.NDArray[np.uint8]:
    maximum = float(grid.max())
    if maximum <= 0:
        return np.zeros(values.shape, np.uint8)
    return np.rint(np.maximum(values, 0) * (255 / maximum)).astype(np.uint8)


@lru_cache(maxsize=64)
def _weights(cells: int, size: int) -> Floats:
    return _between((np.arange(size) + 0.5) * cells / size, cells)


def _between(positions: npt.NDArray[np.floating], cells: int) -> Floats:
    """float32[n, cells]: what each cell gives to each position, in cells from the first one's outer edge."""
    centred = np.clip(positions - 0.5, 0, cells - 1)
    lower = np.floor(centred).astype(np.intp)
    share = (centred - lower).astype(np.float32)
    weights = np.zeros((len(positions), cells), np.float32)
    each = np.arange(len(positions))
    weights[each, lower] += 1 - share
    weights[each, np.minimum(lower + 1, cells - 1)] += share
    return weights


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _encoded(picture: Image.Image, media_type: MediaType) -> bytes:
    file = io.BytesIO()
    if media_type == "image/png":
        picture.save(file, "PNG", compress_level=1)
    else:
        picture.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
