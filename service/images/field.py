"""Finding the bright round field of view of a fundus photograph on its dark surround."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

WORKING_SIDE = 128  # pixels; the longer side is searched at this to twice this: a box within one percent
LEAST_CONTRAST = 15  # 8-bit levels between surround and field
EDGE = 0.12  # of that contrast: fields are dim at their rim
LEAST_AREA = 0.05  # of the picture
LEAST_FILL = 0.5  # of the bounding box; a disc fills 0.79


def find_field(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """Bounding box (left, top, right, bottom) of the field in a mode RGB picture, in whole pixels; None if not found.

    The field is the largest connected region clearly brighter than the corners. None on a dark or even picture, on one
    whose corners are not darker than its middle, and where the region is too small or too sparse to be a field.
    """
    step = max(1, max(picture.size) // WORKING_SIDE)
    red, green, blue = np.moveaxis(np.asarray(picture.reduce(step)), 2, 0)
    level = np.maximum(np.maximum(red, green), blue).astype(np.float32)  # max(axis=2) takes twenty times as long
    surround = _surround(level)
    height, width = level.shape
    middle = level[height // 4 : height - height // 4, width // 4 : width - width // 4]
    contrast = float(np.percentile(middle, 75)) - surround
    if contrast < LEAST_CONTRAST:
        return None
    regions, count = ndimage.label(level > surround + EDGE * contrast)
    if count == 0:
        return None
    largest = int(np.bincount(regions.ravel())[1:].argmax()) + 1
    rows, columns = ndimage.find_objects(regions)[largest - 1]
    box_area = (rows.stop - rows.start) * (columns.stop - columns.start)
    area = int((regions == largest).sum())
    if area < LEAST_AREA * level.size or area < LEAST_FILL * box_area:
        return None
    right, bottom = min(columns.stop * step, picture.width), min(rows.stop * step, picture.height)
    return columns.start * step, rows.start * step, right, bottom


def _surround(level: np.ndarray) -> float:
    """Median of the four corners' medians, so that a mark printed in one corner does not count."""
    reach = max(1, min(level.shape) // 32)
    ends = (slice(None, reach), slice(-reach, None))
    corners = np.stack([level[rows, columns].ravel() for rows in ends for columns in ends])
    return float(np.median(np.median(corners, axis=1)))
