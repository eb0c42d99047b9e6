"""Pictures with marks, for the models of mark_model.py."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
GREY = 90
ORIENTATION = 0x0112


def marked(width: int = 240, height: int = 160, side: int = 24, **centres: tuple[int, int]) -> Image.Image:
    """A grey picture with square marks. centres: colour -> its mark's middle, pixels. side: of a mark, pixels."""
    picture = Image.new("RGB", (width, height), (GREY, GREY, GREY))
    for colour, (x, y) in centres.items():
        left, top = x - side // 2, y - side // 2
        picture.paste(COLOURS[colour], (left, top, left + side, top + side))
    return picture


def in_field_of_view(picture: Image.Image, left: int, top: int, diameter: int) -> Image.Image:
    """The picture as a fundus camera shows it: a disc on black."""
    mask = Image.new("1", picture.size)
    ImageDraw.Draw(mask).ellipse((left, top, left + diameter, top + diameter), fill=1)
    return Image.composite(picture, Image.new("RGB", picture.size), mask)


def encoded(picture: Image.Image, kind: str = "PNG", orientation: int = 1) -> bytes:
    """A file that shows `picture` when its EXIF orientation is applied."""
    stored = picture.transpose(INVERSE[orientation]) if orientation in INVERSE else picture
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    quality = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    stored.save(file, kind, exif=exif, **quality)
    return file.getvalue()


def middle(pixels: np.ndarray, selected: np.ndarray) -> tuple[float, float]:
    """The mean x and y of the centres of the selected pixels, bool [h, w]."""
    assert selected.any(), "no such pixel"
    rows, columns = np.nonzero(selected)
    assert pixels.shape[:2] == selected.shape
    return columns.mean() + 0.5, rows.mean() + 0.5


T = Image.Transpose
INVERSE = {
    2: T.FLIP_LEFT_RIGHT,
    3: T.ROTATE_180,
    4: T.FLIP_TOP_BOTTOM,
    5: T.TRANSPOSE,
    6: T.ROTATE_90,
    7: T.TRANSVERSE,
    8: T.ROTATE_270,
}
"""The inverse of each orientation."""
