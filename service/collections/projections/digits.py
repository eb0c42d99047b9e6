"""t-SNE of handwritten digits, as pixels and as a small network's features: how it is computed, and its figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.collections.projection import ProjectionRequest
from service.collections.projections.fitting import Task, fitted, nearest
from service.training.digits import EPOCHS, Digits, Network

AROUND = 50
"""Neighbours counted as a digit's surroundings: about half of those of its kind that are held out."""

Told = Callable[[float, str], None]


@dataclass(frozen=True)
class View:
    """One map of the held-out digits.

    what: the vectors, in words. coordinates: [N, 2]. perplexity, divergence: of t-SNE. alike: the share of the 50
    nearest, compared by the vectors themselves and not by the map, that are the same digit.
    """

    what: str
    coordinates: NDArray[np.float64]
    perplexity: float
    divergence: float
    alike: float


@dataclass(frozen=True)
class Example:
    """labels: [N] of the held-out digits. learned: how many the network has learned from. accuracy: on those held out.

    nearest: the share of them whose nearest in pixels among those learned from is the same digit.
    """

    labels: NDArray[np.int64]
    learned: int
    accuracy: float
    nearest: float
    views: tuple[View, View]


def example(seed: int, told: Told, epochs: int = EPOCHS) -> Example:
    """Train the network, and map the digits it has not seen: their pixels, then their features. On one thread."""
    learn, held = Digits.halves()
    done = [0]

    def tick() -> None:
        done[0] += 1
        told(0.4 * done[0] / epochs, f"learning, epoch {done[0]} of {epochs}")

    told(0.0, "learning")
    network = Network(learn, seed, tick, epochs)
    pixels, features = held.pixels.reshape(len(held.pixels), -1), network.features(held)
    wish = ProjectionRequest("tsne", seed=seed).settled(len(pixels))

    def view(what: str, vectors: NDArray[np.float32], begin: float) -> View:
        task = Task(vectors, 2, wish, 1, lambda progress, stage: told(begin + 0.3 * progress, stage))
        return _view(f"{vectors.shape[1]} {what}", task, held.labels)

    views = view("pixels", pixels, 0.4), view("learned features", features, 0.7)
    return Example(held.labels, len(learn.labels), network.accuracy(held), held.like(learn), views)


def _view(what: str, task: Task, labels: NDArray[np.int64]) -> View:
    found = fitted("tsne", task)
    around, _ = nearest(task.vectors, AROUND, lambda *_: None)
    alike = float((labels[around] == labels[:, None]).mean())
    quality = found.quality
    return View(what, found.coordinates, quality["perplexity"], quality["kl_divergence"], alike)
