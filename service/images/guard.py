"""Cheap numbers about x that tell a usable colour fundus photograph from anything else, and limits on them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, model_validator

Reason = Literal["out_of_distribution", "ungradable"]
Measure = Literal[
    "coverage", "surround", "brightness", "contrast", "red", "green", "blue", "red_over_green", "warm", "texture",
    "overexposed", "sharpness",
]  # fmt: skip
"""What `measure` measures; its docstring gives the units."""

MEASURES: tuple[Measure, ...] = get_args(Measure)

DARK = 16  # 8-bit level of the brightest channel up to which a pixel belongs to the surround
BURNT = 250
FLOOR = 1e-6


def measure(x: npt.NDArray[np.uint8]) -> dict[str, float]:
    """All measures of one framed picture x uint8[s, s, 3]; about a millisecond at s = 224.

    The field is every pixel whose brightest channel is above 16 of 255; on a picture without any, all are 0.

    - coverage: field pixels / all pixels, 0 to 1.
    - surround: mean of the brightest channel in the four corners (s / 16 wide) / the same in the field.
    - brightness: mean of green and red over the field, 0 to 255; both carry the picture of a fundus, blue hardly.
    - contrast: standard deviation of green / its mean, over the field.
    - red, green, blue: means over the field, 0 to 255. red_over_green: their ratio.
    - warm: share of the field where red ≥ green ≥ blue, each within 4 levels, and red is at least 1.15 × blue.
    - texture: mean step of green between neighbours / standard deviation of green; 1.1 for white noise.
    - overexposed: share of the field where red and green are both 250 or more.
    - sharpness: mean absolute Laplacian of green / mean of green, over the inner field.
    """
    colour = x.astype(np.float32)
    level = colour.max(axis=2)
    field = level > DARK
    if not field.any():
        return dict.fromkeys(MEASURES, 0.0)
    red, green, blue = (colour[..., channel][field] for channel in range(3))
    steps, bend = _steps(colour[..., 1], field)
    end = max(1, len(x) // 16)
    corners = np.concatenate([level[rows, columns].ravel() for rows in _ends(end) for columns in _ends(end)])
    means = {"red": float(red.mean()), "green": float(green.mean()), "blue": float(blue.mean())}
    spread = float(green.std())
    return means | {
        "coverage": float(field.mean()),
        "surround": float(corners.mean() / level[field].mean()),
        "brightness": (means["red"] + means["green"]) / 2,
        "contrast": spread / (means["green"] + FLOOR),
        "red_over_green": means["red"] / (means["green"] + 1),
        "warm": float(((red + 4 >= green) & (green + 4 >= blue) & (red >= 1.15 * blue)).mean()),
        "texture": steps / (spread + FLOOR),
        "overexposed": float(((red >= BURNT) & (green >= BURNT)).mean()),
        "sharpness": bend / (means["green"] + FLOOR),
    }


def _ends(width: int) -> tuple[slice, slice]:
    return slice(None, width), slice(-width, None)


def _steps(green: npt.NDArray[np.float32], field: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Mean absolute first difference and Laplacian of green where a pixel and its four neighbours lie in the field."""
    inner = field[1:-1, 1:-1] & field[:-2, 1:-1] & field[2:, 1:-1] & field[1:-1, :-2] & field[1:-1, 2:]
    if not inner.any():
        return 0.0, 0.0
    centre, below, right = green[1:-1, 1:-1], green[2:, 1:-1], green[1:-1, 2:]
    step = (np.abs(below - centre) + np.abs(right - centre)) / 2
    bend = np.abs(green[:-2, 1:-1] + below + green[1:-1, :-2] + right - 4 * centre)
    return float(step[inner].mean()), float(bend[inner].mean())


class Limit(BaseModel):
    """The range a measure must lie in, both ends included, and the reason given where it does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measure: Measure
    minimum: float | None = None
    maximum: float | None = None
    reason: Reason

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.minimum is None and self.maximum is None:
            raise ValueError("a limit needs a minimum, a maximum, or both")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"the minimum ({self.minimum}) is above the maximum ({self.maximum})")
        return self

    def holds(self, value: float) -> bool:
        """Whether the value lies in the range; NaN does not."""
        least = -math.inf if self.minimum is None else self.minimum
        most = math.inf if self.maximum is None else self.maximum
        return least <= value <= most


class Guard(BaseModel):
    """The limits one model puts on its pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limits: tuple[Limit, ...]

    def broken(self, measures: Mapping[str, float]) -> tuple[Limit, ...]:
        """The limits that these measures (of `measure`) do not keep."""
        return tuple(limit for limit in self.limits if not limit.holds(measures[limit.measure]))

    def reasons(self, measures: Mapping[str, float]) -> tuple[str, ...]:
        """Why the picture is to be refused: `out_of_distribution`, `ungradable`, both, or nothing."""
        return tuple(dict.fromkeys(limit.reason for limit in self.broken(measures)))


FUNDUS_GUARD = Guard(limits=())
