"""From an upright picture to the square a model sees, and back to the picture's own pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.images.preprocessing import PREPROCESSING_VERSION

Box = tuple[float, float, float, float]
Unit = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, le=1)]
Side = Annotated[int, Field(ge=1, le=4096)]

RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
}

MOST_ELONGATED = 8  # long side to short side of what is resized


@dataclass(frozen=True)
class Geometry:
    """Which part of the upright original a square x shows.

    width, height: of the upright original, pixels. region: (left, top, right, bottom), edges of the part that x covers,
    pixels of the original, inside it. size: side of x, pixels. Points are measured from the upper left corner of the
    upper left pixel, so the centre of pixel (i, j) is (i + 0.5, j + 0.5).
    """

    width: int
    height: int
    region: Box
    size: int

    def to_original(self, x: float, y: float) -> tuple[float, float]:
        """A point of x, in pixels of x, to pixels of the original."""
        left, top, right, bottom = self.region
        return left + x * (right - left) / self.size, top + y * (bottom - top) / self.size

    def to_model(self, x: float, y: float) -> tuple[float, float]:
        """A point of the original to pixels of x; outside [0, size] where the model does not see it."""
        left, top, right, bottom = self.region
        return (x - left) * self.size / (right - left), (y - top) * self.size / (bottom - top)

    def box_to_original(self, box: Box) -> Box:
        """A box (left, top, right, bottom) of x to pixels of the original."""
        return self.to_original(box[0], box[1]) + self.to_original(box[2], box[3])


class Frame(BaseModel):
    """How pictures become x: field of view, then shorter side to `resize`, then the central `crop` × `crop`.

    field_of_view: crop to the bright round field first, where one is found. mean, std: of the channels as fractions of
    255, for the normalisation that the engine does; they do not change x. The pixels equal torchvision's
    `Resize(resize, interpolation)` and `CenterCrop(crop)` on the same (cropped) picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    field_of_view: bool = False
    resize: Side = 256
    crop: Side = 224
    mean: tuple[Unit, Unit, Unit] = (0.485, 0.456, 0.406)
    std: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)
    interpolation: Literal["bilinear", "bicubic", "nearest"] = "bilinear"

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop > self.resize:
            raise ValueError(f"crop ({self.crop}) must not be larger than resize ({self.resize})")
        return self

    @property
    def digest(self) -> str:
        """Sixteen hex digits that differ where the pixels of x could differ."""
        text = f"{PREPROCESSING_VERSION} {self.model_dump_json(exclude={'mean', 'std'})}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def apply(self, pixels: npt.NDArray[np.uint8], width: int, height: int) -> tuple[npt.NDArray[np.uint8], Geometry]:
        """x and where it lies.

        pixels: uint8[h, w, 3], upright, of the whole picture, perhaps decoded smaller than its width × height.
        Returns x uint8[crop, crop, 3] and its Geometry in pixels of the width × height original.
        """
        from service.images.field import find_field  # noqa: PLC0415  SciPy takes a quarter of a second to import

        picture = Image.fromarray(pixels)
        field = (find_field(picture) if self.field_of_view else None) or (0, 0, *picture.size)
        left, top, right, bottom = _trimmed(field)
        columns, rows = right - left, bottom - top
        size = _resized(columns, rows, self.resize), _resized(rows, columns, self.resize)
        from_left, from_top = round((size[0] - self.crop) / 2), round((size[1] - self.crop) / 2)
        seen = (from_left, from_top, from_left + self.crop, from_top + self.crop)
        small = picture.resize(size, RESAMPLING[self.interpolation], box=(left, top, right, bottom))
        across, down = columns / size[0], rows / size[1]  # picture pixels a resized pixel
        region = (left + seen[0] * across, top + seen[1] * down, left + seen[2] * across, top + seen[3] * down)
        return np.array(small.crop(seen)), _geometry(region, picture.size, (width, height), self.crop)


def _geometry(region: Box, decoded: tuple[int, int], original: tuple[int, int], size: int) -> Geometry:
    """From pixels of the picture as decoded to pixels of the original; rounding must not lead outside."""
    across, down = original[0] / decoded[0], original[1] / decoded[1]
    left, top, right, bottom = region
    width, height = original
    return Geometry(
        width, height, (left * across, top * down, min(right * across, width), min(bottom * down, height)), size
    )


def _trimmed(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The middle of a very long box: resizing all of a 1 × 60000 picture would make billions of pixels to crop away."""
    left, top, right, bottom = box
    most = MOST_ELONGATED * min(right - left, bottom - top)
    spare_x, spare_y = max(0, right - left - most) // 2, max(0, bottom - top - most) // 2
    return left + spare_x, top + spare_y, right - spare_x, bottom - spare_y


def _resized(side: int, other: int, resize: int) -> int:
    """Length of `side` once the shorter side is `resize`: torchvision's rule, which rounds down."""
    return resize if side <= other else int(resize * side / other)
