"""How much each position contributes to the differences of a score between images, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """Shares in the differences of a score over n images. value: [parts]. error: [parts], one standard error."""

    value: Floats
    error: Floats
    images: int

    def select(self, parts: NDArray[np.intp]) -> Shares:
        """Some of the parts, in this order."""
        return Shares(self.value[parts], self.error[parts], self.images)

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Both ends of the confidence interval of every part on its own."""
        margin = float(stdtrit(self.images - 2, (1 + level) / 2)) * self.error
        return self.value - margin, self.value + margin

    def p_above(self, bound: float | Floats) -> Floats:
        """One-sided p of every part, unadjusted: that it is at most `bound`."""
        excess = self.value - bound
        infinite = np.where(excess > 0, np.inf, -np.inf)  # without an error there is no doubt
        t = np.divide(excess, self.error, out=infinite, where=self.error > 0)
        return np.asarray(stdtr(self.images - 2, -t))


def decisive_shares(parts: Floats, score: Floats) -> Shares | None:
    """cov(part, score) / var(score) of parts [n, p] of a score [n]; they sum to 1 where the parts sum to the score.

    They are slopes of a regression on the score; the errors are those of White (1980) in the form HC3, which assumes
    nothing about how the parts scatter. None where all scores are equal.
    """
    centred = score - score.mean()
    total = float(centred @ centred)
    if total <= 1e-12 * float(score @ score):
        return None
    deviations = parts - parts.mean(0)
    value = centred @ deviations / total
    leverage = np.minimum(1 / len(score) + centred**2 / total, 1 - 1e-9)
    residuals = (deviations - centred[:, None] * value) / (1 - leverage)[:, None]
    return Shares(value, np.sqrt(centred**2 @ residuals**2) / total, len(score))


def holm(p: Floats) -> Floats:
    """p-values adjusted so that the chance of any false finding stays below alpha (Holm 1979), in their order."""
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(raised, 1)
    return adjusted
