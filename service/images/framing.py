"""From an upright picture to the pixels a model sees, by its frame."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from service.images.frame import LUMA, Frame
from service.images.geometry import Box, Geometry, PixelBox, Size
from service.images.resampling import resize

MAX_ASPECT_RATIO = 8  # long side to short side of what is resized


def framed(
    frame: Frame, pixels: npt.NDArray[np.uint8], width: int, height: int
) -> tuple[npt.NDArray[np.uint8], Geometry]:
    """x and where it lies; see `Frame.apply`."""
    picture = Image.fromarray(pixels)
    left, top, right, bottom = box = _box(frame, picture)
    columns, rows = right - left, bottom - top
    (wide, high), (from_left, from_top) = _placement(frame, columns, rows)
    seen = (from_left, from_top, from_left + frame.shape[1], from_top + frame.shape[0])
    small = _resized(frame, picture, box, (wide, high))
    x = _grey(frame, _cut(frame, small, seen))
    across, down = columns / wide, rows / high  # picture pixels a resized pixel
    region = (left + seen[0] * across, top + seen[1] * down, left + seen[2] * across, top + seen[3] * down)
    return x, _geometry(region, picture.size, (width, height), frame.shape)


def _box(frame: Frame, picture: Image.Image) -> PixelBox:
    """The part of the picture that is fitted into x, pixels; it may reach outside."""
    from service.images.field import find_field  # noqa: PLC0415  SciPy takes a quarter of a second to import

    box = (find_field(picture) if frame.field_of_view else None) or (0, 0, *picture.size)
    if frame.fit != "crop":
        return box
    return _trimmed(box, max(MAX_ASPECT_RATIO, math.ceil(max(frame.shape) / frame.resize)))


def _placement(frame: Frame, columns: int, rows: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Width and height that a box is resized to, and where in it x begins: left and top, negative for padding."""
    height, width = frame.shape
    if frame.fit == "squash":
        return (width, height), (0, 0)
    if frame.fit == "letterbox":
        factor = min(width / columns, height / rows)
        size = max(1, round(columns * factor)), max(1, round(rows * factor))
        return size, (_central(size[0], width), _central(size[1], height))
    size = _shorter_to(frame.resize, columns, rows), _shorter_to(frame.resize, rows, columns)
    return size, (_central(size[0], width), _central(size[1], height))


def _resized(frame: Frame, picture: Image.Image, box: PixelBox, size: tuple[int, int]) -> Image.Image:
    """The box of the picture at width × height, in `fill` where it reaches outside."""
    if _contains(picture.size, box):
        return resize(picture, size, frame.interpolation, frame.antialias, box)
    return resize(_cut(frame, picture, box), size, frame.interpolation, frame.antialias)


def _cut(frame: Frame, picture: Image.Image, box: PixelBox) -> Image.Image:
    """The box of the picture, in `fill` where it reaches outside."""
    left, top, right, bottom = box
    if box == (0, 0, *picture.size):
        return picture
    if _contains(picture.size, box):
        return picture.crop(box)
    sheet = Image.new("RGB", (right - left, bottom - top), frame.fill)
    sheet.paste(picture, (-left, -top))
    return sheet


def _grey(frame: Frame, picture: Image.Image) -> npt.NDArray[np.uint8]:
    """uint8 [h, w, 3] that may be written to, all channels equal where the network has one."""
    if frame.channels == 3:
        return np.array(picture)
    if frame.grey == LUMA:
        grey: npt.NDArray[np.uint8] = np.asarray(picture.convert("L"))
    else:
        grey = np.rint((np.asarray(picture) @ np.array(frame.grey)).clip(0, 255)).astype(np.uint8)
    return np.stack([grey] * 3, axis=-1)


def _geometry(region: Box, decoded: tuple[int, int], original: tuple[int, int], size: Size) -> Geometry:
    """From pixels of the picture as decoded to pixels of the original; rounding must not lead outside."""
    left, top, right, bottom = region
    across, down = original[0] / decoded[0], original[1] / decoded[1]
    width, height = original
    scaled = (left * across, top * down, _rounded_to(right * across, width), _rounded_to(bottom * down, height))
    return Geometry(width, height, scaled, size)


def _contains(size: tuple[int, int], box: PixelBox) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]


def _rounded_to(value: float, edge: int) -> float:
    return float(edge) if math.isclose(value, edge, rel_tol=1e-9) else value


def _trimmed(box: PixelBox, elongation: int) -> PixelBox:
    """The middle of a very long box: resizing all of a 1 × 60000 picture would make billions of pixels to crop away."""
    left, top, right, bottom = box
    most = elongation * min(right - left, bottom - top)
    spare_x, spare_y = max(0, right - left - most) // 2, max(0, bottom - top - most) // 2
    return left + spare_x, top + spare_y, right - spare_x, bottom - spare_y


def _central(side: int, wanted: int) -> int:
    """Where the middle begins, negative where there is less than wanted: torchvision's CenterCrop."""
    return round((side - wanted) / 2) if side >= wanted else -((wanted - side) // 2)


def _shorter_to(resize: int, side: int, other: int) -> int:
    """Length of `side` once the shorter side is `resize`: torchvision's rule, which rounds down."""
    return resize if side <= other else int(resize * side / other)
