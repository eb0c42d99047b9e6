"""Rank tests of regions: effect sizes by counting pairs, few false findings, and what is planted is found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from service.collections.reports import regions
from service.collections.reports.regions import Comparison, compare


def comparison(seed: int, shift: float = 0.0, n: int = 40, cells: int = 49) -> Comparison:
    random = np.random.default_rng(seed)
    common = random.exponential(size=(n, 1))  # cells of one image go together
    values = random.exponential(size=(n, cells)) * common
    first = np.arange(n) < n // 2
    values[first, 3] += shift
    return Comparison(values / values.sum(1, keepdims=True), first)


def test_effects_count_pairs() -> None:
    one = comparison(0, 1.0, 20, 5)
    pairs = np.sign(one.values[one.first][:, None] - one.values[~one.first][None])
    assert compare([one]).effect[0] == pytest.approx(pairs.mean((0, 1)))


def test_a_single_cell_has_the_p_of_the_rank_test() -> None:
    first = np.arange(40) < 20
    one = Comparison(np.random.default_rng(5).normal(size=(40, 1)) + 0.6 * first[:, None], first)
    exact = mannwhitneyu(one.values[one.first, 0], one.values[~one.first, 0]).pvalue
    assert compare([one]).p[0, 0] == pytest.approx(exact, abs=0.03)


def test_among_many_cells_there_is_seldom_a_false_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "PERMUTATIONS", 200)
    alarms = sum(
        bool((compare([comparison(seed), comparison(1000 + seed)], seed).p <= 0.05).any()) for seed in range(150)
    )
    assert alarms <= 16  # 5 % of 150 and three standard errors; single tests at 5 % each would give about 148


def test_what_is_planted_is_found_and_nothing_else() -> None:
    found = compare([comparison(7, 3.0), comparison(8)])
    assert found.p[0, 3] < 0.01
    assert found.effect[0, 3] > 0.5
    assert found.p[1].min() > 0.05


def test_a_group_of_a_few_among_thousands_is_kept() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(6000, 2))
    first = np.arange(6000) < 12
    values[first, 0] += 5
    found = compare([Comparison(values, first)])
    assert found.effect[0, 0] > 0.99


def test_cells_without_any_difference_are_no_finding() -> None:
    one = Comparison(np.zeros((20, 3)), np.arange(20) < 10)
    assert compare([one]).p.min() == 1
    assert np.all(compare([one]).effect == 0)
