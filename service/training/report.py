"""How good a classifier is on images it never saw, in numbers that come with their uncertainty.

The libraries behind it are imported where they are used: the service never needs them, and they hold 50 MB.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
RESAMPLINGS = 1000
DRAWS = 10_000

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} (95 % CI {self.low:.4f} to {self.high:.4f})"


@dataclass(frozen=True)
class Report:
    """Figures on held-out images.

    accuracy, balanced_accuracy and auc: 0 to 1; balanced accuracy: the mean over the classes of the share that is
    predicted correctly; auc: one against the rest, averaged over the classes. calibration_before, _after: expected
    calibration error, 0 to 1, without and with the temperature; calibration_change: after less before. confusion: int
    [K, K], true class down, predicted class across.
    """

    images: int
    accuracy: Interval
    balanced_accuracy: Interval
    auc: Interval
    calibration_before: float
    calibration_after: float
    calibration_change: Interval
    temperature: float
    confusion: NDArray[np.int64]


def report(logits: Floats, classes: Classes, temperature: float, seed: int = 0) -> Report:
    """The figures of logits [N, K] against true classes [N]. temperature: fitted on other images."""
    from sklearn.metrics import confusion_matrix  # noqa: PLC0415

    plain, scaled = softmax(logits), softmax(logits / temperature)
    confusion = confusion_matrix(classes, scaled.argmax(1), labels=range(logits.shape[1])).astype(np.int64)

    def change(chosen: Classes) -> float:
        after, before = (calibration_error(one[chosen], classes[chosen]) for one in (scaled, plain))
        return after - before

    return Report(
        images=len(classes),
        accuracy=bootstrap(lambda chosen: accuracy(scaled[chosen], classes[chosen]), len(classes), seed),
        balanced_accuracy=balanced_accuracy(confusion, seed),
        auc=bootstrap(lambda chosen: auc(scaled[chosen], classes[chosen]), len(classes), seed),
        calibration_before=calibration_error(plain, classes),
        calibration_after=calibration_error(scaled, classes),
        calibration_change=bootstrap(change, len(classes), seed),
        temperature=temperature,
        confusion=confusion,
    )


def softmax(logits: Floats) -> Floats:
    """Probabilities [N, K] of logits [N, K]."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def accuracy(probabilities: Floats, classes: Classes) -> float:
    """The share of images whose likeliest class is the true one."""
    return float((probabilities.argmax(1) == classes).mean())


def balanced_accuracy(confusion: NDArray[np.int64], seed: int = 0) -> Interval:
    """The mean recall of a confusion matrix int [K, K], with the 95 % interval of its posterior distribution.

    Brodersen 2010: each recall is Beta(1 + correct, 1 + wrong), independently. Unlike a bootstrap it stays wide for a
    few images that are all predicted correctly. The interval is extended to the mean recall where it misses it.
    """
    correct, wrong = np.diag(confusion), confusion.sum(1) - np.diag(confusion)
    recalls = correct / np.maximum(correct + wrong, 1)
    drawn = np.random.default_rng(seed).beta(1 + correct, 1 + wrong, (DRAWS, len(confusion))).mean(1)
    value, (low, high) = float(recalls.mean()), np.percentile(drawn, [2.5, 97.5])
    return Interval(value, min(float(low), value), max(float(high), value))


def auc(probabilities: Floats, classes: Classes) -> float:
    """Area under the ROC curve; with several classes, the mean of each against the rest.

    Raises ValueError where a class has no image: there is nothing to tell it from.
    """
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415

    if len(np.unique(classes)) < probabilities.shape[1]:
        raise ValueError("a class without images has no area under its curve")
    if probabilities.shape[1] == 2:
        return float(roc_auc_score(classes, probabilities[:, 1]))
    return float(np.mean([roc_auc_score(classes == k, probabilities[:, k]) for k in range(probabilities.shape[1])]))


def calibration_error(probabilities: Floats, classes: Classes) -> float:
    """Expected calibration error (Guo 2017): |confidence − accuracy| of the likeliest class, in 15 equal bins."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == classes
    which = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(which, weights=confidence - right)  # of each bin: images · (mean confidence − accuracy)
    return float(np.abs(gaps).sum() / len(classes))


def fitted_temperature(logits: Floats, classes: Classes) -> float:
    """The temperature that makes logits [N, K] likeliest to give these classes (Guo 2017), 0.05 to 20."""

    from scipy.optimize import minimize_scalar  # noqa: PLC0415

    def surprise(log_temperature: float) -> float:
        chances = softmax(logits / np.exp(log_temperature))[np.arange(len(classes)), classes]
        return float(-np.log(np.maximum(chances, 1e-300)).mean())

    found = minimize_scalar(surprise, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def bootstrap(figure: Callable[[NDArray[np.int64]], float], count: int, seed: int) -> Interval:
    """A figure of all images, and its 95 % interval over resamplings of them (Efron 1979); same seed, same interval."""
    random = np.random.default_rng(seed)
    values = []
    for _ in range(RESAMPLINGS):
        try:
            values.append(figure(random.integers(0, count, count)))
        except ValueError:  # this resampling left a class out
            continue
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(float(figure(np.arange(count))), float(low), float(high))


def confusion_picture(confusion: NDArray[np.int64], labels: Sequence[str]) -> bytes:
    """The confusion matrix as a PNG file: true class down, predicted class across, counts written in."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  slow to import, and used here alone
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(2.5 + 0.8 * len(labels), 2 + 0.7 * len(labels)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="true")
    for row, column in np.ndindex(*confusion.shape):
        shade = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(confusion[row, column]), ha="center", va="center", color=shade)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
