"""How images are prepared for a model, as its training prepared them. `framing.py` does it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from service.images.geometry import Box, Geometry, Size
from service.images.normalisation import Normalisation, normalisation
from service.images.preprocessing import PREPROCESSING_VERSION

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Box", "Frame", "Geometry", "Side", "Size"]

Unit = Annotated[float, Field(ge=0, le=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=1, le=4096)]
Level = Annotated[int, Field(ge=0, le=255)]

DECODE_FACTOR = 2  # pictures are decoded to this many times the resized side at least, so that draft mode is not seen
LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as Pillow's mode L and torchvision's Grayscale."""

Interpolation = Literal["bilinear", "bicubic", "nearest", "lanczos", "area"]

WITHOUT_ANTIALIAS = ("bilinear", "bicubic")
"""Interpolations that exist without antialiasing, too."""

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
        if not self.antialias and self.interpolation not in WITHOUT_ANTIALIAS:
            raise ValueError(
                f"antialias = false exists for {' and '.join(WITHOUT_ANTIALIAS)}, not for {self.interpolation}"
            )
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
        from service.images.framing import framed  # noqa: PLC0415  commands that only list models need no numpy

        return framed(self, pixels, width, height)
