"""Figures of how far a map can be trusted. `MEASURES` has the definition of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from service.explain.method import Deadline
from service.explain.module_copies import shuffled_copy

PEER_METHODS = ("gradcam", "hirescam", "layercam", "xgradcam")
"""Methods that the agreement of a map is measured with: cheap, and applicable to any head."""

STEPS = 16
"""Equal steps in which pixels are deleted or inserted."""


@dataclass(frozen=True)
class QualityInputs:
    """One map, and what is needed to measure it.

    M: the raw map [h, w]. x: the normalised image [1, C, H, W]. probability: images [B, C, H, W] -> the probability [B]
    of the explained class. recompute: the map [h, w] of the same method behind a head changed by the function given.
    peer_maps: maps of other methods for the same class, of any size.
    """

    M: Tensor
    x: Tensor
    probability: Callable[[Tensor], Tensor]
    recompute: Callable[[Callable[[nn.Module], nn.Module]], Tensor]
    peer_maps: tuple[Tensor, ...] = ()
    deadline: Deadline = field(default_factory=Deadline)


@dataclass(frozen=True)
class Measure:
    """One row of the table of measures. better: lower, higher, or a sentence where neither is better."""

    name: str
    function: Callable[[QualityInputs], float | None]
    definition: str
    paper: str
    low: float
    high: float
    better: str


def quality(inputs: QualityInputs) -> dict[str, float | None]:
    """Every measure of the table; None for a measure without a value: the map is empty, or the time is over."""
    if not bool((inputs.M > 0).any()):
        return dict.fromkeys(MEASURES)
    return {name: measure.function(inputs) for name, measure in MEASURES.items()}


def deletion(inputs: QualityInputs) -> float | None:
    """Area under the probability while the most important pixels are replaced by the mean colour (Petsiuk 2018)."""
    return area(deletion_curve(inputs))


def insertion(inputs: QualityInputs) -> float | None:
    """Area under the probability while the most important pixels appear in a blurred image (Petsiuk 2018)."""
    return area(insertion_curve(inputs))


def deletion_curve(inputs: QualityInputs) -> Tensor | None:
    """The probability with 0, 1, … `STEPS` parts of the pixels deleted, [STEPS + 1]; None if the time is over."""
    return _curve(inputs, torch.zeros_like(inputs.x), inputs.x)


def insertion_curve(inputs: QualityInputs) -> Tensor | None:
    """The probability with 0, 1, … `STEPS` parts of the pixels inserted, [STEPS + 1]; None if the time is over."""
    return _curve(inputs, inputs.x, blurred(inputs.x))


def area(curve: Tensor | None) -> float | None:
    """The area under a curve [STEPS + 1] over 0 to 1."""
    return None if curve is None else float(torch.trapezoid(curve) / STEPS)


@torch.no_grad()
def average_drop(inputs: QualityInputs) -> float:
    """max(0, p(x) − p(x ⊙ m)) / p(x), where m is the map scaled to [0, 1] (Chattopadhyay 2018)."""
    original, masked = _original_and_masked(inputs)
    return max(0.0, original - masked) / original if original > 0 else 0.0


@torch.no_grad()
def increase_in_confidence(inputs: QualityInputs) -> float:
    """1 where p(x ⊙ m) > p(x), else 0 (Chattopadhyay 2018)."""
    original, masked = _original_and_masked(inputs)
    return float(masked > original)


def head_randomisation(inputs: QualityInputs) -> float | None:
    """Rank correlation with the same method's map behind a head whose weights are shuffled (Adebayo 2018)."""
    return correlation(inputs.M, inputs.recompute(shuffled_copy))


def agreement(inputs: QualityInputs) -> float | None:
    """Mean rank correlation with the maps of other methods for the same class."""
    found = [value for peer in inputs.peer_maps if (value := correlation(inputs.M, peer)) is not None]
    return sum(found) / len(found) if found else None


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "deletion",
            deletion,
            "area under the class's probability while the map's highest pixels are replaced by the mean colour, in"
            f" {STEPS} equal steps",
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
            "near 0: a map that does not change with the head does not explain it",
        ),
        Measure(
            "agreement",
            agreement,
            "mean Spearman rank correlation with the maps of gradcam, hirescam, layercam and xgradcam, except its own",
            "none",
            -1.0,
            1.0,
            "higher, although methods may agree on a mistake",
        ),
    )
}


def correlation(a: Tensor, b: Tensor) -> float | None:
    """Spearman's rank correlation of two maps, the larger averaged to the smaller's size; None if one is constant."""
    size = (min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1]))
    ranks = [_ranks(nn.functional.adaptive_avg_pool2d(M[None], size).flatten()) for M in (a, b)]
    centred = [rank - rank.mean() for rank in ranks]
    norm = float(centred[0].norm() * centred[1].norm())
    return float(centred[0] @ centred[1]) / norm if norm > 0 else None


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 0; equal values share the mean of their ranks."""
    _, place, count = torch.unique(values, return_inverse=True, return_counts=True)
    mean: Tensor = count.cumsum(0).double() - (count + 1) / 2
    return mean[place]


def blurred(x: Tensor) -> Tensor:
    """x [1, C, H, W] after three box blurs of an eighth of its shorter side: nearly Gaussian, without detail."""
    radius = max(1, min(x.shape[-2:]) // 16)
    for _ in range(3):
        x = nn.functional.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)
    return x


@torch.no_grad()
def _curve(inputs: QualityInputs, replacement: Tensor, start: Tensor) -> Tensor | None:
    """The probability while the highest pixels of `replacement` replace those of `start`."""
    height, width = inputs.x.shape[-2:]
    fine = nn.functional.interpolate(inputs.M[None, None], size=(height, width), mode="bilinear").flatten()
    ranks = torch.empty_like(fine).scatter_(
        0, fine.argsort(descending=True, stable=True), torch.arange(len(fine), dtype=fine.dtype)
    )
    limits = torch.linspace(0, len(fine), STEPS + 1)[:, None, None, None]
    curve = torch.empty(STEPS + 1)
    for chunk in Deadline(inputs.deadline.at).chunks(STEPS + 1, STEPS // 2):
        images = torch.where(ranks.view(1, 1, height, width) < limits[chunk], replacement, start)
        curve[chunk] = inputs.probability(images).float()
        if chunk.stop == STEPS + 1:
            return curve
    return None


def _original_and_masked(inputs: QualityInputs) -> tuple[float, float]:
    fine = nn.functional.interpolate(inputs.M[None, None], size=tuple(inputs.x.shape[-2:]), mode="bilinear").relu()
    original, masked = inputs.probability(torch.cat([inputs.x, inputs.x * (fine / fine.max())])).tolist()
    return original, masked
