"""From an upright picture to the pixels a model sees, as its training prepared them."""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from service.images.geometry import Box, Geometry, Size
from service.images.normalisation import Normalisation, normalisation
from service.images.preprocessing import PREPROCESSING_VERSION
from service.images.resampling import KERNELS, Interpolation, PixelBox, resize

__all__ = ["Box", "Frame", "Geometry", "Side", "Size"]

Unit = Annotated[float, Field(ge=0, le=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=1, le=4096)]
Level = Annotated[int, Field(ge=0, le=255)]

MAX_ASPECT_RATIO = 8  # long side to short side of what is resized
DECODE_FACTOR = 2  # pictures are decoded to this many times the resized side at least, so that draft mode is not seen
LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as Pillow's mode L and torchvision's Grayscale."""

NUMBERS_ONLY = {"mean", "std", "value_range", "order"}
"""Fields that do not change x."""


class Frame(BaseModel):
    """How pictures become x, uint8 [height, width, 3], RGB, and which numbers the network gets of it.

    The steps, in order: `field_of_view`, `fit` with `interpolation` and `antialias`, grey. What x shows beyond the
    picture, `fill` paints. The numbers: low + x / 255 · (high − low) of `value_range`, minus `mean`, divided by `std`.
    The pixels equal torchvision's `Resize(resize, interpolation)` and `CenterCrop(size)` on a PIL image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    field_of_view: bool = False
    """Cut to the bright round field first, where one is found; padded to a square where the picture cuts it off."""

    fit: Literal["crop", "squash", "letterbox"] = "crop"
    """crop: the shorter side to `resize`, then the central part. squash: the whole to the size of x, whatever its
    shape. letterbox: the whole within x, in its own shape, centred."""

    resize: Side = 256
    """The shorter side before a crop, pixels."""

    crop: Side = 224
    """The side of a square x, pixels."""

    size: tuple[Side, Side] | None = None
    """Height and width of x, pixels; left out: `crop` × `crop`."""

    fill: tuple[Level, Level, Level] = (0, 0, 0)
    """The colour around the picture."""

    interpolation: Interpolation = "bilinear"
    """How pictures are resized; area: the mean over the pixels that fall into one."""

    antialias: bool = True
    """Whether the filter widens where a picture shrinks, as Pillow's do; without, as PyTorch's and OpenCV's do."""

    channels: Literal[1, 3] = 3
    """The network's channels; 1: grey, and x has three equal channels."""

    grey: tuple[Unit, Unit, Unit] = LUMA
    """The weights of red, green and blue in grey."""

    order: Literal["RGB", "BGR"] = "RGB"
    """The order of the network's channels, and of `mean` and `std`."""

    value_range: tuple[Finite, Finite] = (0.0, 1.0)
    """What black and white are to the network before `mean` and `std`."""

    mean: tuple[Finite, ...] = (0.485, 0.456, 0.406)
    """Of each channel, in the units of `value_range`."""

    std: tuple[Positive, ...] = (0.229, 0.224, 0.225)
    """Of each channel, in the units of `value_range`."""

    @field_validator("value_range")
    @classmethod
    def _ascends(cls, value_range: tuple[float, float]) -> tuple[float, float]:
        if not value_range[0] < value_range[1]:
            raise ValueError("must be what black is and what white is, the smaller first")
        return value_range

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.size is None and self.fit == "crop" and self.crop > self.resize:
            raise ValueError(f"crop ({self.crop}) must not be larger than resize ({self.resize})")
        if not self.antialias and self.interpolation not in KERNELS:
            raise ValueError(f"antialias = false exists for {' and '.join(KERNELS)}, not for {self.interpolation}")
        if abs(sum(self.grey) - 1) > 0.01:
            raise ValueError("grey must be three weights that add up to 1")
        self._check_numbers()
        return self

    def _check_numbers(self) -> None:
        low, high = self.value_range
        if self.value_range != (0.0, 1.0) and not {"mean", "std"} <= self.model_fields_set:
            raise ValueError("value_range needs mean and std in its own units; to change nothing, 0 and 1 per channel")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                count = "one number" if self.channels == 1 else "three numbers"
                default = "" if name in self.model_fields_set else " by default, for colours"
                raise ValueError(
                    f"channels = {self.channels} needs mean and std with {count} each, as in training;"
                    f" {name} has {len(values)}{default}"
                )
        if not all(low <= value <= high for value in self.mean):
            raise ValueError(f"mean must lie in value_range, from {low:g} to {high:g}")
        if self.value_range == (0.0, 1.0) and max(self.std) > 1:
            raise ValueError("std must be at most 1; for numbers of 0 to 255, write value_range = [0, 255]")

    @property
    def shape(self) -> Size:
        """Height and width of x, pixels."""
        return self.size or (self.crop, self.crop)

    @property
    def normalisation(self) -> Normalisation:
        """What an engine does to x."""
        return normalisation(self.mean, self.std, self.value_range, self.order == "BGR")

    @property
    def digest(self) -> str:
        """Sixteen hex digits that differ where the pixels of x could differ."""
        text = f"{PREPROCESSING_VERSION} {self.model_dump_json(exclude=NUMBERS_ONLY)}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def least_side(self) -> int | None:
        """What both sides of a picture must keep when it is decoded smaller, pixels; None: it must not be."""
        if not self.antialias or self.interpolation == "nearest":
            return None  # which pixels are left out would depend on the decoder
        return DECODE_FACTOR * (self.resize if self.fit == "crop" else max(self.shape))

    def apply(self, pixels: npt.NDArray[np.uint8], width: int, height: int) -> tuple[npt.NDArray[np.uint8], Geometry]:
        """x and where it lies.

        pixels: uint8[h, w, 3], upright, of the whole picture, perhaps decoded smaller than its width × height.
        Returns x uint8[*shape, 3] and its Geometry in pixels of the width × height original.
        """
        picture = Image.fromarray(pixels)
        left, top, right, bottom = box = self._box(picture)
        columns, rows = right - left, bottom - top
        (wide, high), (from_left, from_top) = self._placement(columns, rows)
        seen = (from_left, from_top, from_left + self.shape[1], from_top + self.shape[0])
        small = self._resized(picture, box, (wide, high))
        x = self._grey(self._cut(small, seen))
        across, down = columns / wide, rows / high  # picture pixels a resized pixel
        region = (left + seen[0] * across, top + seen[1] * down, left + seen[2] * across, top + seen[3] * down)
        return x, _geometry(region, picture.size, (width, height), self.shape)

    def _box(self, picture: Image.Image) -> PixelBox:
        """The part of the picture that is fitted into x, pixels; it may reach outside."""
        from service.images.field import find_field  # noqa: PLC0415  SciPy takes a quarter of a second to import

        box = (find_field(picture) if self.field_of_view else None) or (0, 0, *picture.size)
        if self.fit != "crop":
            return box
        return _trimmed(box, max(MAX_ASPECT_RATIO, math.ceil(max(self.shape) / self.resize)))

    def _placement(self, columns: int, rows: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Width and height that a box is resized to, and where in it x begins: left and top, negative for padding."""
        height, width = self.shape
        if self.fit == "squash":
            return (width, height), (0, 0)
        if self.fit == "letterbox":
            factor = min(width / columns, height / rows)
            size = max(1, round(columns * factor)), max(1, round(rows * factor))
            return size, (_central(size[0], width), _central(size[1], height))
        size = _shorter_to(self.resize, columns, rows), _shorter_to(self.resize, rows, columns)
        return size, (_central(size[0], width), _central(size[1], height))

    def _resized(self, picture: Image.Image, box: PixelBox, size: tuple[int, int]) -> Image.Image:
        """The box of the picture at width × height, in `fill` where it reaches outside."""
        if _contains(picture.size, box):
            return resize(picture, size, self.interpolation, self.antialias, box)
        return resize(self._cut(picture, box), size, self.interpolation, self.antialias)

    def _cut(self, picture: Image.Image, box: PixelBox) -> Image.Image:
        """The box of the picture, in `fill` where it reaches outside."""
        left, top, right, bottom = box
        if box == (0, 0, *picture.size):
            return picture
        if _contains(picture.size, box):
            return picture.crop(box)
        sheet = Image.new("RGB", (right - left, bottom - top), self.fill)
        sheet.paste(picture, (-left, -top))
        return sheet

    def _grey(self, picture: Image.Image) -> npt.NDArray[np.uint8]:
        """uint8 [h, w, 3] that may be written to, all channels equal where the network has one."""
        if self.channels == 3:
            return np.array(picture)
        if self.grey == LUMA:
            grey: npt.NDArray[np.uint8] = np.asarray(picture.convert("L"))
        else:
            grey = np.rint((np.asarray(picture) @ np.array(self.grey)).clip(0, 255)).astype(np.uint8)
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
