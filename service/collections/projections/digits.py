"""t-SNE of handwritten digits, by their pixels and by the features of a small network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.collections.projection import ProjectionRequest
from service.collections.projections.fitting import FitTask, fit, nearest
from service.jobs.job import ReportProgress, ignore_progress
from service.training.digits import EPOCHS, Digits, Network

NEIGHBORS = 50
"""Nearest digits that are compared with each digit: about half of those of its class that are held out."""


@dataclass(frozen=True)
class DigitsProjection:
    """One projection of the held-out digits.

    vectors: what was projected, in words. coordinates: [N, 2]. perplexity, divergence: of t-SNE. purity: the share of
    the 50 nearest, by the vectors themselves and not by the projection, that are the same digit.
    """

    vectors: str
    coordinates: NDArray[np.float64]
    perplexity: float
    divergence: float
    purity: float


@dataclass(frozen=True)
class DigitsExample:
    """labels: [N] of the held-out digits. training_images: of the network. accuracy: on the held-out digits.

    nearest_accuracy: the share of them whose nearest training digit, by pixels, is the same digit.
    """

    labels: NDArray[np.int64]
    training_images: int
    accuracy: float
    nearest_accuracy: float
    projections: tuple[DigitsProjection, DigitsProjection]


def example(seed: int, report_progress: ReportProgress, epochs: int = EPOCHS) -> DigitsExample:
    """Train the network and project the held-out digits: their pixels, then their features. On one thread."""
    training, held_out = Digits.halves()
    done = [0]

    def count_epoch() -> None:
        done[0] += 1
        report_progress(0.4 * done[0] / epochs, f"training, epoch {done[0]} of {epochs}")

    report_progress(0.0, "training")
    network = Network(training, seed, count_epoch, epochs)
    pixels, features = held_out.pixels.reshape(len(held_out.pixels), -1), network.features(held_out)
    parameters = ProjectionRequest("tsne", seed=seed).resolve(len(pixels))

    def project(what: str, vectors: NDArray[np.float32], begin: float) -> DigitsProjection:
        task = FitTask(vectors, 2, parameters, 1, lambda share, stage: report_progress(begin + 0.3 * share, stage))
        return _project(f"{vectors.shape[1]} {what}", task, held_out.labels)

    both = project("pixels", pixels, 0.4), project("learned features", features, 0.7)
    return DigitsExample(
        held_out.labels, len(training.labels), network.accuracy(held_out), held_out.like(training), both
    )


def _project(vectors: str, task: FitTask, labels: NDArray[np.int64]) -> DigitsProjection:
    result = fit("tsne", task)
    neighbors, _ = nearest(task.vectors, NEIGHBORS, ignore_progress)
    purity = float((labels[neighbors] == labels[:, None]).mean())
    quality = result.quality
    return DigitsProjection(vectors, result.coordinates, quality["perplexity"], quality["kl_divergence"], purity)
