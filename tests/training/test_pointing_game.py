"""The pointing game, played with a network that looks at the brightest spot and eyes whose spot is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from service.images.frame import Frame
from service.models.card import Card
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.training.pointing_game import GRID, Pointing, peak, pointing

SIZE = 256
CELL = SIZE / GRID
DISC = (90.0, 140.0)
CARD = Card(intended_use="tests", do_not_use="anything else", training_data="none", licence="Apache-2.0")


def looker(weight: float = 1.0) -> nn.Module:
    """Maps of 14 x 14 cells that are as bright as the image's green; the second logit is their mean."""
    see, say = nn.Conv2d(3, 1, 16, stride=16, bias=False), nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        see.weight.zero_()[:, 1] = 1 / 256
        say.weight.copy_(torch.tensor([[0.0], [weight]]))
    return nn.Sequential(see, nn.AdaptiveAvgPool2d(1), nn.Flatten(1), say)


def classifier(weight: float = 1.0) -> Classifier:
    entry = Entry(
        name="looker",
        architecture="tests.training.test_pointing_game:looker",
        weights="looker.safetensors",
        labels=("normal", "glaucoma"),
        sha256="0" * 64,
        frame=Frame(field_of_view=True, resize=224, crop=224),
        card=CARD,
    )
    return Classifier.build(entry, looker(weight).state_dict(), "", "torch")


class Eyes:
    """Grey round fields with one bright spot `away` pixels right of the centre of a disc of radius 20."""

    def __init__(self, away: float, labels: str) -> None:
        self.away, self.drawn = away, labels
        self.first, self.count = 0, len(labels)

    def photograph(self, seed: int) -> SimpleNamespace:
        y, x = np.mgrid[:SIZE, :SIZE] + 0.5
        pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
        pixels[np.hypot(x - SIZE / 2, y - SIZE / 2) < 0.49 * SIZE] = 70
        pixels[np.hypot(x - DISC[0] - self.away, y - DISC[1]) < 14] = 240
        masks = {"disc": np.hypot(x - DISC[0], y - DISC[1]) < 20}
        return SimpleNamespace(pixels=pixels, masks=masks, label="glaucoma" if self.drawn[seed] == "g" else "normal")


def rate(away: float, weight: float = 1.0) -> Pointing:
    return pointing(classifier(weight), Eyes(away, "ggng"), "glaucoma")  # type: ignore[arg-type]


@pytest.mark.parametrize(("away", "hits"), [(0.0, 3), (20 + 0.5 * CELL, 3), (20 + 2 * CELL, 0), (110.0, 0)])
def test_a_hit_is_on_the_disc_or_within_one_cell_of_it(away: float, hits: int) -> None:
    assert rate(away) == Pointing(hits=hits, images=3, empty=0)


def test_a_map_without_a_maximum_is_a_miss() -> None:
    nothing = rate(0.0, weight=0.0)
    assert nothing == Pointing(hits=0, images=3, empty=3)
    assert nothing.rate == 0.0


def test_no_images_of_the_label_is_no_success() -> None:
    assert pointing(classifier(), Eyes(0.0, "nn"), "glaucoma").rate == 0.0  # type: ignore[arg-type]


def test_the_peak_is_in_the_brightest_cell() -> None:
    grid = np.zeros((7, 7), np.float32)
    grid[2, 5] = 1
    x, y = peak(grid, (224, 224))
    assert abs(x - 5.5 * 32) <= 16
    assert abs(y - 2.5 * 32) <= 16
