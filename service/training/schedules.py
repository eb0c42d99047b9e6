"""How the learning rate moves over a training run: the factor at a fraction 0 to 1 of it."""

from __future__ import annotations

import math
from collections.abc import Callable

WARM_UP = 0.05
RISE = 0.25


def constant(fraction: float) -> float:  # noqa: ARG001
    """1, always."""
    return 1.0


def cosine(fraction: float) -> float:
    """Up in a straight line over the first 5 %, then half a cosine down to 0 (Loshchilov 2017)."""
    if fraction < WARM_UP:
        return fraction / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (fraction - WARM_UP) / (1 - WARM_UP)))


def one_cycle(fraction: float) -> float:
    """Up from 1/25 over the first quarter, then down to nearly 0, both along half a cosine (Smith 2018)."""
    if fraction < RISE:
        return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * fraction / RISE))
    return 0.5 * (1 + math.cos(math.pi * (fraction - RISE) / (1 - RISE)))


SCHEDULES: dict[str, Callable[[float], float]] = {"constant": constant, "cosine": cosine, "one-cycle": one_cycle}
