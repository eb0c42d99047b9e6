"""Each figure on maps and networks where its value is known."""

from __future__ import annotations

import pytest
import scipy.stats
import torch
from torch import Tensor

from service.explain.quality import MEASURES, QualityInputs, correlation, quality

SIDE = 16


def patch(top: int) -> Tensor:
    M = torch.zeros(SIDE, SIDE)
    M[top : top + 4, 4:8] = 1
    return M


def chance(images: Tensor) -> Tensor:
    """The probability is the share of the bright square at row 2 that is still there: its reason is known."""
    return images[:, 0, 2:6, 4:8].mean((1, 2)).clamp(0, 1)


def trial(M: Tensor, others: tuple[Tensor, ...] = ()) -> QualityInputs:
    return QualityInputs(
        M, patch(2).expand(1, 3, SIDE, SIDE).clone(), chance, lambda disturb: torch.rand(SIDE, SIDE), others
    )


def test_a_map_of_the_reason_beats_a_map_of_something_else() -> None:
    right, wrong = quality(trial(patch(2))), quality(trial(patch(10)))
    assert right["deletion"] < 0.1
    assert wrong["deletion"] > 0.25
    assert right["insertion"] > 0.9 > wrong["insertion"]
    assert (right["average_drop"], wrong["average_drop"]) == (0, 1)
    assert right["increase_in_confidence"] == wrong["increase_in_confidence"] == 0


def test_an_empty_map_has_no_quality() -> None:
    assert quality(trial(-patch(2))) == dict.fromkeys(MEASURES)


def test_figures_keep_their_ranges() -> None:
    torch.manual_seed(0)
    for _ in range(5):
        figures = quality(trial(torch.randn(4, 4), (torch.randn(4, 4), torch.randn(8, 8))))
        for name, value in figures.items():
            assert value is not None
            assert MEASURES[name].low <= value <= MEASURES[name].high


def test_the_rank_correlation_is_spearmans() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(6, 6).round(decimals=1), torch.randn(6, 6).round(decimals=1)  # with ties
    assert correlation(a, b) == pytest.approx(scipy.stats.spearmanr(a.flatten(), b.flatten()).statistic)
    assert correlation(a, a.exp()) == pytest.approx(1)
    assert correlation(a, -a) == pytest.approx(-1)
    assert correlation(a, torch.ones(6, 6)) is None
