"""What tells images apart: against a second way to compute it, and its promises under the null hypothesis."""

from __future__ import annotations

import numpy as np
import pytest

from service.collections.reports.decisive_shares import decisive_shares, holm


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_shares_of_parts_that_add_up_add_to_one() -> None:
    parts = random().normal(size=(50, 9)) * np.arange(1, 10)
    found = decisive_shares(parts, parts.sum(1))
    assert found is not None
    assert found.value.sum() == pytest.approx(1, abs=1e-12)


def test_shares_and_errors_are_those_of_a_regression_written_out() -> None:
    parts = random(1).exponential(size=(40, 3))
    score = parts @ [1.0, 2.0, 0.5] + random(2).normal(size=40)
    found = decisive_shares(parts, score)
    assert found is not None
    X = np.stack([np.ones(40), score], 1)
    inverse = np.linalg.inv(X.T @ X)
    hat = np.diag(X @ inverse @ X.T)
    for column in range(3):
        beta = inverse @ X.T @ parts[:, column]
        left = parts[:, column] - X @ beta
        meat = X.T @ np.diag((left / (1 - hat)) ** 2) @ X
        assert found.value[column] == pytest.approx(beta[1])
        assert found.error[column] == pytest.approx(np.sqrt((inverse @ meat @ inverse)[1, 1]))


def test_the_same_evidence_in_every_image_decides_nothing() -> None:
    parts = random().normal(size=(50, 4))
    parts[:, 0] = 1000.0
    found = decisive_shares(parts, parts.sum(1))
    assert found is not None
    assert found.value[0] == pytest.approx(0, abs=1e-9)


def test_images_with_one_score_are_told_apart_by_nothing() -> None:
    assert decisive_shares(np.ones((40, 3)), np.full(40, 3.0)) is None


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(200):
        score = random(seed).normal(size=60)
        noise = random(1000 + seed).normal(size=60) * (1 + np.abs(score))  # errors that grow with the score
        found = decisive_shares((0.3 * score + noise)[:, None], score)
        assert found is not None
        low, high = found.interval()
        held += int(low[0] <= 0.3 <= high[0])
    assert 180 <= held <= 199  # 95 % of 200, give or take three standard errors


def test_holm_is_its_definition() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.5])
    assert holm(p) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm(np.array([0.9, 0.8])).max() == 1
    assert holm(np.zeros(0)).size == 0
