"""What tells images apart: the parts that places have in the differences of a score, with their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """Parts in the differences of a score over n images. value, error: [parts], error one standard error of value."""

    value: Floats
    error: Floats
    images: int

    def part(self, chosen: NDArray[np.intp]) -> Share:
        """Some of the parts, in this order."""
        return Share(self.value[chosen], self.error[chosen], self.images)

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Both ends of the confidence interval of every part on its own."""
        reach = float(stdtrit(self.images - 2, (1 + level) / 2)) * self.error
        return self.value - reach, self.value + reach

    def above(self, bound: float | Floats) -> Floats:
        """One-sided p of every part: that it is at most `bound`, unadjusted."""
        apart = self.value - bound
        unknown = np.where(apart > 0, np.inf, -np.inf)  # without error there is no doubt
        t = np.divide(apart, self.error, out=unknown, where=self.error > 0)
        return np.asarray(stdtr(self.images - 2, -t))


def shares(parts: Floats, score: Floats) -> Share | None:
    """cov(part, score) / var(score) of parts [n, p] of a score [n]: 1 in all where the parts add up to the score.

    They are slopes of a regression on the score; the errors are those of White (1980) in the form HC3, which asks
    nothing of how the parts scatter. None where all scores are alike: nothing tells the images apart.
    """
    centred = score - score.mean()
    total = float(centred @ centred)
    if total <= 1e-12 * float(score @ score):
        return None
    apart = parts - parts.mean(0)
    value = centred @ apart / total
    leverage = np.minimum(1 / len(score) + centred**2 / total, 1 - 1e-9)
    left = (apart - centred[:, None] * value) / (1 - leverage)[:, None]
    return Share(value, np.sqrt(centred**2 @ left**2) / total, len(score))


def holm(p: Floats) -> Floats:
    """p-values adjusted so that the chance of one false finding or more keeps the level (Holm 1979), in their order."""
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(raised, 1)
    return adjusted
