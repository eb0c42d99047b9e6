"""How far a map can be trusted, in numbers. Each number has its definition in `MEASURES`, which /methods tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from service.explain.method import Deadline
from service.explain.module_copies import shuffled_copy

PEERS = ("gradcam", "hirescam", "layercam", "xgradcam")
"""Methods that a map's agreement is measured with: cheap, sound, and fit for any head."""

STEPS = 16
"""Equal steps in which pixels are taken away or put in."""


@dataclass(frozen=True)
class QualityInputs:
    """One map, and what it takes to test it.

    M: the raw map [h, w]. x: the normalised image [1, 3, H, W]. chance: images [B, 3, H, W] -> the probability [B] of
    the explained class. again: the map [h, w] that the same method gives when the head is changed by a function.
    others: maps of other methods for the same class, of any size.
    """

    M: Tensor
    x: Tensor
    chance: Callable[[Tensor], Tensor]
    again: Callable[[Callable[[nn.Module], nn.Module]], Tensor]
    others: tuple[Tensor, ...] = ()
    deadline: Deadline = field(default_factory=Deadline)


@dataclass(frozen=True)
class Measure:
    """One row of the table of measures. better: lower, higher, or where it says something else, in words."""

    name: str
    function: Callable[[QualityInputs], float | None]
    definition: str
    paper: str
    low: float
    high: float
    better: str


def quality(trial: QualityInputs) -> dict[str, float | None]:
    """Every measure of the table; None for one that has no value: an empty map, or no time left."""
    if not bool((trial.M > 0).any()):
        return dict.fromkeys(MEASURES)
    return {name: measure.function(trial) for name, measure in MEASURES.items()}


def deletion(trial: QualityInputs) -> float | None:
    """Area under the probability while the most important pixels give way to the mean colour (Petsiuk 2018)."""
    return area(deletion_curve(trial))


def insertion(trial: QualityInputs) -> float | None:
    """Area under the probability while the most important pixels appear in a blurred image (Petsiuk 2018)."""
    return area(insertion_curve(trial))


def deletion_curve(trial: QualityInputs) -> Tensor | None:
    """The probability with 0, 1, … `STEPS` parts of the pixels taken away, [STEPS + 1]; None where time ran out."""
    return _curve(trial, torch.zeros_like(trial.x), trial.x)


def insertion_curve(trial: QualityInputs) -> Tensor | None:
    """The probability with 0, 1, … `STEPS` parts of the pixels put in, [STEPS + 1]; None where time ran out."""
    return _curve(trial, trial.x, blurred(trial.x))


def area(curve: Tensor | None) -> float | None:
    """Under a curve [STEPS + 1] over 0 to 1."""
    return None if curve is None else float(torch.trapezoid(curve) / STEPS)


@torch.no_grad()
def average_drop(trial: QualityInputs) -> float:
    """max(0, p(x) − p(x ⊙ m)) / p(x), where m is the map scaled to [0, 1] (Chattopadhyay 2018)."""
    whole, seen = _whole_and_seen(trial)
    return max(0.0, whole - seen) / whole if whole > 0 else 0.0


@torch.no_grad()
def increase_in_confidence(trial: QualityInputs) -> float:
    """1 where p(x ⊙ m) > p(x), else 0 (Chattopadhyay 2018)."""
    whole, seen = _whole_and_seen(trial)
    return float(seen > whole)


def head_randomisation(trial: QualityInputs) -> float | None:
    """Rank correlation with the same method's map behind a head whose weights are shuffled (Adebayo 2018)."""
    return correlation(trial.M, trial.again(shuffled_copy))


def agreement(trial: QualityInputs) -> float | None:
    """Mean rank correlation with the maps of other methods for the same class."""
    found = [value for other in trial.others if (value := correlation(trial.M, other)) is not None]
    return sum(found) / len(found) if found else None


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "deletion",
            deletion,
            f"area under the class's probability while the map's highest pixels give way to the mean colour, in {STEPS}"
            " equal steps",
            "Petsiuk et al. 2018, arXiv 1806.07421",
            0.0,
            1.0,
            "lower",
        ),
        Measure(
            "insertion",
            insertion,
            f"area under the class's probability while the map's highest pixels replace a blurred image, in {STEPS}"
            " equal steps",
            "Petsiuk et al. 2018, arXiv 1806.07421",
            0.0,
            1.0,
            "higher",
        ),
        Measure(
            "average_drop",
            average_drop,
            "max(0, p(x) − p(x ⊙ m)) / p(x), m = the positive map enlarged and divided by its maximum",
            "Chattopadhyay et al. 2018, arXiv 1710.11063",
            0.0,
            1.0,
            "lower",
        ),
        Measure(
            "increase_in_confidence",
            increase_in_confidence,
            "1 where p(x ⊙ m) > p(x), else 0",
            "Chattopadhyay et al. 2018, arXiv 1710.11063",
            0.0,
            1.0,
            "higher",
        ),
        Measure(
            "head_randomisation",
            head_randomisation,
            "Spearman's rank correlation with the same method's map behind a head whose weights are shuffled",
            "Adebayo et al. 2018, arXiv 1810.03292",
            -1.0,
            1.0,
            "near 0: a map that survives a random head explains nothing of it",
        ),
        Measure(
            "agreement",
            agreement,
            "mean Spearman rank correlation with the maps of gradcam, hirescam, layercam and xgradcam, itself left out",
            "none",
            -1.0,
            1.0,
            "higher, though methods can agree on a mistake",
        ),
    )
}


def correlation(a: Tensor, b: Tensor) -> float | None:
    """Spearman's rank correlation of two maps, the larger averaged to the smaller's size; None for a constant one."""
    size = (min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1]))
    ranks = [_ranks(nn.functional.adaptive_avg_pool2d(M[None], size).flatten()) for M in (a, b)]
    centred = [rank - rank.mean() for rank in ranks]
    norm = float(centred[0].norm() * centred[1].norm())
    return float(centred[0] @ centred[1]) / norm if norm > 0 else None


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 0, equal values sharing the mean of theirs."""
    _, place, count = torch.unique(values, return_inverse=True, return_counts=True)
    mean: Tensor = count.cumsum(0).double() - (count + 1) / 2
    return mean[place]


def blurred(x: Tensor) -> Tensor:
    """x [1, 3, H, W] after three box blurs an eighth of its side wide: nearly Gaussian, no detail left."""
    reach = max(1, x.shape[-1] // 16)
    for _ in range(3):
        x = nn.functional.avg_pool2d(x, 2 * reach + 1, 1, reach, count_include_pad=False)
    return x


@torch.no_grad()
def _curve(trial: QualityInputs, put: Tensor, start: Tensor) -> Tensor | None:
    """The probability while the highest pixels of `put` replace those of `start`."""
    height, width = trial.x.shape[-2:]
    fine = nn.functional.interpolate(trial.M[None, None], size=(height, width), mode="bilinear").flatten()
    ranks = torch.empty_like(fine).scatter_(
        0, fine.argsort(descending=True, stable=True), torch.arange(len(fine), dtype=fine.dtype)
    )
    limits = torch.linspace(0, len(fine), STEPS + 1)[:, None, None, None]
    curve = torch.empty(STEPS + 1)
    for chunk in Deadline(trial.deadline.deadline).chunks(STEPS + 1, STEPS // 2):
        images = torch.where(ranks.view(1, 1, height, width) < limits[chunk], put, start)
        curve[chunk] = trial.chance(images).float()
        if chunk.stop == STEPS + 1:
            return curve
    return None


def _whole_and_seen(trial: QualityInputs) -> tuple[float, float]:
    fine = nn.functional.interpolate(trial.M[None, None], size=tuple(trial.x.shape[-2:]), mode="bilinear").relu()
    whole, seen = trial.chance(torch.cat([trial.x, trial.x * (fine / fine.max())])).tolist()
    return whole, seen
