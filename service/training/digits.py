"""A small network that learns handwritten digits in seconds: the lecture's example of what features are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SIDE, CLASSES, FEATURES = 8, 10, 64
WIDTH = 32
EPOCHS, BATCH = 80, 64
RATE, DECAY = 4e-3, 1e-2

TURN, SCALE, SHEAR, SHIFT = 0.25, 0.15, 0.2, 0.2
"""How far a digit is distorted in training: radians, share of its size, slant, share of half its side."""


@dataclass(frozen=True)
class Digits:
    """pixels: float32 [N, 8, 8], 0 to 1. labels: int64 [N], 0 to 9."""

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]

    @classmethod
    def halves(cls) -> tuple[Self, Self]:
        """Those to learn from and those held out: the first half and the second, so that few writers are in both.

        The data does not say where a writer begins; but a network trained without distortions recognises 94 % of this
        second half, and 98 % of one taken at random.

        Alpaydin & Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998: 1797 digits by 13 people, which come
        with scikit-learn.
        """
        from sklearn.datasets import load_digits  # noqa: PLC0415  takes a second

        found = load_digits()
        pixels, labels = (found.images / 16).astype(np.float32), found.target.astype(np.int64)
        half = len(labels) // 2
        return cls(pixels[:half], labels[:half]), cls(pixels[half:], labels[half:])

    def like(self, others: Digits) -> float:
        """The share of these whose nearest in pixels among others is the same digit."""
        flat, theirs = self.pixels.reshape(len(self.pixels), -1), others.pixels.reshape(len(others.pixels), -1)
        squares = (theirs**2).sum(1) - 2 * flat @ theirs.T
        return float((others.labels[squares.argmin(1)] == self.labels).mean())


class Network:
    """Three convolutions, a layer of 64 features, and ten scores that are linear in them. Trained once made."""

    def __init__(self, digits: Digits, seed: int, tick: Callable[[], None], epochs: int = EPOCHS) -> None:
        """tick: called after each epoch. The same digits and seed give the same network on one machine."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._features, self._head = feature_layers(), nn.Linear(FEATURES, CLASSES)
        self._learn(digits, torch.Generator().manual_seed(seed), tick, epochs)

    def features(self, digits: Digits) -> NDArray[np.float32]:
        """[N, 64], none below zero: the vector right before the last linear layer."""
        with torch.no_grad():
            found: Tensor = self._features(as_tensor(digits))
        return found.numpy()

    def accuracy(self, digits: Digits) -> float:
        """The share that is recognised."""
        with torch.no_grad():
            predicted = self._head(self._features(as_tensor(digits))).argmax(1).numpy()
        return float((predicted == digits.labels).mean())

    def _learn(self, digits: Digits, generator: torch.Generator, tick: Callable[[], None], epochs: int) -> None:
        x, labels = as_tensor(digits), torch.from_numpy(digits.labels)
        parameters = [*self._features.parameters(), *self._head.parameters()]
        optimizer = torch.optim.AdamW(parameters, RATE, weight_decay=DECAY)
        steps = epochs * math.ceil(len(x) / BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
        for _ in range(epochs):
            for chosen in torch.randperm(len(x), generator=generator).split(BATCH):  # type: ignore[no-untyped-call]
                scores = self._head(self._features(distorted(x[chosen], generator)))
                optimizer.zero_grad()
                nn.functional.cross_entropy(scores, labels[chosen]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
            tick()


def feature_layers() -> nn.Sequential:
    """The layers up to the features, freshly initialised: x float32 [N, 1, 8, 8] -> [N, 64], none below zero."""
    return nn.Sequential(
        nn.Conv2d(1, WIDTH, 3, padding=1), nn.ReLU(),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),  # (N, 32, 4, 4)
        nn.Conv2d(WIDTH, 2 * WIDTH, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),  # (N, 64, 2, 2)
        nn.Flatten(), nn.Linear(8 * WIDTH, FEATURES), nn.ReLU(),
    )  # fmt: skip


def as_tensor(digits: Digits) -> Tensor:
    """The pixels as the network takes them, float32 [N, 1, 8, 8]."""
    return torch.from_numpy(digits.pixels)[:, None]


def distorted(x: Tensor, generator: torch.Generator) -> Tensor:
    """x float32 [N, 1, 8, 8] -> the same, each digit turned, scaled, slanted and shifted a little, as hands do."""

    def around(spread: float, *shape: int) -> Tensor:
        return (torch.rand(len(x), *shape, generator=generator) * 2 - 1) * spread

    turn, scale, shear, shift = around(TURN), 1 + around(SCALE), around(SHEAR), around(SHIFT, 2)
    first = torch.stack([scale * turn.cos(), shear - turn.sin(), shift[:, 0]], 1)
    second = torch.stack([turn.sin(), scale * turn.cos(), shift[:, 1]], 1)
    grid = nn.functional.affine_grid(torch.stack([first, second], 1), list(x.shape), align_corners=False)
    return nn.functional.grid_sample(x, grid, align_corners=False)
