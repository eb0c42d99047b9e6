"""Figures against what they are by definition, and against data whose figures are known."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from service.training import report
from service.training.report import Interval


def sample(count: int, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax, divided by `sharpness`, is exactly the chance of each class."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, 3))
    chances = report.softmax(logits)
    classes = np.array([random.choice(3, p=row) for row in chances])
    return logits * sharpness, classes


def test_the_temperature_that_was_planted_is_found() -> None:
    logits, classes = sample(20_000, sharpness=2.5)
    temperature = report.fitted_temperature(logits, classes)
    assert temperature == pytest.approx(2.5, rel=0.05)
    before = report.calibration_error(report.softmax(logits), classes)
    after = report.calibration_error(report.softmax(logits / temperature), classes)
    assert after < 0.02 < before


def test_calibration_error_of_a_known_case() -> None:
    chances = np.array([[0.1, 0.9]] * 10)
    classes = np.array([1] * 6 + [0] * 4)
    assert report.calibration_error(chances, classes) == pytest.approx(0.3)


def test_auc_counts_pairs_in_the_right_order() -> None:
    chances = np.array([0.1, 0.4, 0.35, 0.8])
    classes = np.array([0, 0, 1, 1])
    assert report.auc(np.stack([1 - chances, chances], 1), classes) == 0.75


def test_balanced_accuracy_is_the_mean_recall_and_wide_for_few_images() -> None:
    few, many = (report.balanced_accuracy(np.diag([n, n])) for n in (3, 300))
    assert few.value == many.value == many.high == 1
    assert few.low < 0.7
    assert many.low > 0.98
    skewed = report.balanced_accuracy(np.array([[990, 10], [9, 1]]))
    assert skewed.value == pytest.approx((0.99 + 0.1) / 2)
    assert skewed.low < 0.5 + 0.1 < skewed.high
    # of one class alone the posterior is a beta distribution, whose quantiles SciPy knows
    single = report.balanced_accuracy(np.array([[70]]) + np.zeros((1, 1), int))
    assert single.low == pytest.approx(stats.beta(71, 1).ppf(0.025), abs=0.01)


def test_intervals_hold_their_value_and_shrink_with_more_images() -> None:
    few, many = (report.report(*sample(n, 1.0), temperature=1.0) for n in (100, 2000))
    for found in (few, many):
        assert found.accuracy.low <= found.accuracy.value <= found.accuracy.high
        assert found.auc.low <= found.auc.value <= found.auc.high
        assert found.confusion.sum() == found.images
    assert many.auc.high - many.auc.low < few.auc.high - few.auc.low
    assert str(Interval(0.5, 0.4, 0.6)) == "0.5000 (95 % CI 0.4000 to 0.6000)"


def test_resamplings_that_leave_a_class_out_do_not_spoil_the_interval() -> None:
    logits, classes = sample(40, 1.0)
    classes[classes == 2] = 0
    classes[:2] = 2
    found = report.report(logits, classes, temperature=1.0)
    assert 0 <= found.auc.low <= found.auc.high <= 1
    with pytest.raises(ValueError, match="class without images"):
        report.auc(report.softmax(logits), np.zeros(40, np.int64))


def test_the_confusion_picture_is_a_picture() -> None:
    data = report.confusion_picture(np.array([[5, 1], [0, 4]]), ["normal", "glaucoma"])
    assert Image.open(io.BytesIO(data)).width > 200
