"""Limits on measures of x: which images a model answers for. `measures.py` measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, model_validator

Reason = Literal["out_of_distribution", "ungradable"]
Measure = Literal[
    "coverage", "surround", "brightness", "contrast", "red", "green", "blue", "red_over_green", "warm",
    "hue_spread", "texture", "overexposed", "sharpness",
]  # fmt: skip
"""What `measures.measure` measures; its docstring gives the units."""

MEASURES: tuple[Measure, ...] = get_args(Measure)


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

    def allows(self, value: float) -> bool:
        """Whether the value lies in the range; NaN does not."""
        least = -math.inf if self.minimum is None else self.minimum
        most = math.inf if self.maximum is None else self.maximum
        return least <= value <= most


class Guard(BaseModel):
    """The limits one model puts on its pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limits: tuple[Limit, ...]

    def violations(self, measures: Mapping[str, float]) -> tuple[Limit, ...]:
        """The limits that these measures (of `measure`) do not keep."""
        return tuple(limit for limit in self.limits if not limit.allows(measures[limit.measure]))

    def reasons(self, measures: Mapping[str, float]) -> tuple[str, ...]:
        """Why the picture is to be refused: `out_of_distribution`, `ungradable`, both, or nothing."""
        return tuple(dict.fromkeys(limit.reason for limit in self.violations(measures)))


FUNDUS_GUARD = Guard(
    limits=(
        Limit(measure="surround", maximum=0.4, reason="out_of_distribution"),
        Limit(measure="warm", minimum=0.7, reason="out_of_distribution"),
        Limit(measure="red_over_green", minimum=1.15, maximum=6, reason="out_of_distribution"),
        Limit(measure="hue_spread", maximum=0.3, reason="out_of_distribution"),
        Limit(measure="contrast", minimum=0.06, maximum=0.55, reason="out_of_distribution"),
        Limit(measure="texture", maximum=0.9, reason="out_of_distribution"),
        Limit(measure="coverage", minimum=0.5, reason="out_of_distribution"),
        Limit(measure="brightness", minimum=30, reason="ungradable"),
        Limit(measure="overexposed", maximum=0.25, reason="ungradable"),
        Limit(measure="sharpness", minimum=0.035, reason="ungradable"),
    )
)
"""Recommended for colour fundus photographs whose frame keeps the whole round field (field_of_view, resize = crop).

A frame that cuts the field's rim away lights the corners: leave `surround` out there. The limits stand well outside
what procedural fundus photographs and a real one show, and cannot tell an orange photograph of something else once it
has been cut to a disc on black.
"""
