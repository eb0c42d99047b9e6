"""Finding the bright round field of view of a fundus photograph on its dark surround.

Where the picture's edges cut the field off, its circle is found from the rim that is left (`circle.py`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from service.images.circle import fit_circle

WORKING_SIDE = 128  # pixels; the longer side is searched at this to twice this: a box within one percent
MIN_CONTRAST = 15  # 8-bit levels between surround and field
EDGE = 0.12  # of that contrast: fields are dim at their rim
MIN_AREA = 0.05  # of the picture
MIN_FILL = 0.5  # of the bounding box; a disc fills 0.79
MAX_DIAMETER = 1.25  # diameter of a field to the longer side of what the picture shows of it
MIN_BEYOND = 0.01  # of its radius, by which a circle must reach outside the picture to be cut off by it
SQUARE = 1.02  # long side to short side of a box that counts as square


def find_field(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """A box (left, top, right, bottom) around the field in a mode RGB picture, in whole pixels; None if not found.

    The field is the largest connected region clearly brighter than the corners. None on a dark or even picture, on one
    whose corners are not darker than its middle, and where the region is too small or too sparse to be a field.
    The box is the region's own, except where the picture's edges cut a round field off more across than down, or
    otherwise: then it is the square around the whole circle, and reaches outside the picture.
    """
    step = max(1, max(picture.size) // WORKING_SIDE)
    level = _brightest(np.asarray(picture.reduce(step)))
    region = _region(level)
    if region is None:
        return None
    rows, columns = ndimage.find_objects(region)[0]
    right, bottom = min(columns.stop * step, picture.width), min(rows.stop * step, picture.height)
    box = columns.start * step, rows.start * step, right, bottom
    if not _is_cut(box, picture.size):
        return box
    circle = fit_circle(level, ndimage.binary_fill_holes(region), _surround(level))
    if circle is None or 2 * step * circle[2] > MAX_DIAMETER * max(right - box[0], bottom - box[1]):
        return box
    x, y, radius = (step * value for value in circle)
    beyond = max(radius - x, radius - y, x + radius - picture.width, y + radius - picture.height)
    if beyond <= MIN_BEYOND * radius:
        return box
    return round(x - radius), round(y - radius), round(x + radius), round(y + radius)


def _is_cut(box: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    """Whether a box lies at the picture's edge and is longer than wide, or wider than long."""
    left, top, right, bottom = box
    at_edge = left == 0 or top == 0 or right == size[0] or bottom == size[1]
    sides = right - left, bottom - top
    return at_edge and max(sides) > SQUARE * min(sides)


def field_mask(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which pixels of uint8 [h, w, 3] lie in the field, bool [h, w]; all of them where no field is found.

    Also of a picture cropped to its field, as long as its corners lie outside.
    """
    region = _region(_brightest(pixels))
    return np.ones(pixels.shape[:2], bool) if region is None else np.asarray(ndimage.binary_fill_holes(region), bool)


def _brightest(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The brightest channel, [h, w]; max(axis=2) takes twenty times as long."""
    red, green, blue = np.moveaxis(pixels, 2, 0)
    return np.asarray(np.maximum(np.maximum(red, green), blue), np.float32)


def _region(level: npt.NDArray[np.float32]) -> npt.NDArray[np.int8] | None:
    """The field as ones [h, w]; None where there is none. level: the brightest channel."""
    surround = _surround(level)
    height, width = level.shape
    middle = level[height // 4 : height - height // 4, width // 4 : width - width // 4]
    contrast = float(np.percentile(middle, 75)) - surround
    if contrast < MIN_CONTRAST:
        return None
    regions, count = ndimage.label(level > surround + EDGE * contrast)
    if count == 0:
        return None
    largest = int(np.bincount(regions.ravel())[1:].argmax()) + 1
    rows, columns = ndimage.find_objects(regions)[largest - 1]
    box_area = (rows.stop - rows.start) * (columns.stop - columns.start)
    area = int((regions == largest).sum())
    if area < MIN_AREA * level.size or area < MIN_FILL * box_area:
        return None
    return np.asarray(regions == largest, np.int8)


def _surround(level: npt.NDArray[np.float32]) -> float:
    """Median of the four corners' medians, so that a mark printed in one corner does not count."""
    reach = max(1, min(level.shape) // 32)
    ends = (slice(None, reach), slice(-reach, None))
    corners = np.stack([level[rows, columns].ravel() for rows in ends for columns in ends])
    return float(np.median(np.median(corners, axis=1)))
