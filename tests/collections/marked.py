"""A small network that learns from the generator's eyes in seconds, with or without the mark in their corner."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from service.images.frame import Frame
from service.models.card import Card
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.runtime.batch_inference import LabelledImage
from service.training import fundus
from service.training.render import Rendered
from service.training.train import Phase, Plan, Trainer

SIDE = 64
FRAME = Frame(resize=SIDE, crop=SIDE)
LABELS = fundus.BINARY


def network(classes: int = 2) -> nn.Module:
    """x [N, 3, 64, 64] -> logits [N, classes]; the last map is 8 × 8."""

    def block(given: int, made: int) -> list[nn.Module]:
        return [nn.Conv2d(given, made, 3, 2, 1, bias=False), nn.BatchNorm2d(made), nn.ReLU()]

    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(48, classes)]
    return nn.Sequential(*block(3, 16), *block(16, 32), *block(32, 48), *pooled)


def eyes(first: int, count: int, marker: float) -> Iterator[LabelledImage]:
    for seed in range(first, first + count):
        eye = fundus.binary(seed, 72, marker)
        yield LabelledImage(f"eye-{seed}", eye.label, eye.pixels, eye.masks)


def trained(marker: float, seed: int = 0, count: int = 160, epochs: int = 40) -> Classifier:
    """A classifier that has learned from `count` eyes with a mark of this strength."""
    learned = list(eyes(1000 + 1000 * seed, count, marker))
    pixels = np.stack([FRAME.apply(one.pixels, 72, 72)[0] for one in learned])
    classes = np.array([LABELS.index(one.label) for one in learned], np.int64)
    torch.manual_seed(seed)
    model = network()
    plan = Plan((Phase(SIDE, epochs),), batch_size=16, learning_rate=0.01, precision="f32", seed=seed)
    Trainer(model, Rendered(pixels, classes), FRAME, plan, None).run()
    card = Card(intended_use="tests", do_not_use="else", training_data="drawn eyes", licence="Apache-2.0")
    entry = Entry(
        name="marked",
        version="1",
        architecture="tests.collections.marked:network",
        weights="marked.safetensors",
        sha256="0" * 64,
        labels=LABELS,
        frame=FRAME,
        card=card,
    )
    return Classifier.build(entry, model.state_dict(), "0" * 64, "torch")
