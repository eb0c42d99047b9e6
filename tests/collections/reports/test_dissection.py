"""Dissection against a naive second way, and of a network whose units are known concepts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from service.collections.reports.dissection import SIDE, TOP_IMAGES, ActivationThresholds, Overlaps, dissect
from service.collections.reports.dissection_page import page
from service.errors import DoesNotApply, TrainingError, UnknownName
from service.images.frame import Frame
from service.images.picture import upsample
from service.models.card import Card
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.runtime.batch_inference import LabelledImage

CARD = Card(intended_use="tests", do_not_use="else", training_data="none", licence="Apache-2.0")


def drawn(n: int, units: int, side: int, concepts: int) -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(0)
    A = np.maximum(random.normal(size=(n, units, side, side)), 0).astype(np.float32)
    masks = random.random((n, concepts, SIDE, SIDE)) < np.array([0.01, 0.1, 0.5])[:concepts, None, None]
    return torch.from_numpy(A), torch.from_numpy(masks)


def streamed(A: Tensor, masks: Tensor, batch: int) -> tuple[ActivationThresholds, Overlaps]:
    thresholds = ActivationThresholds(A.shape[1], A.shape[0] * A.shape[2] * A.shape[3])
    for start in range(0, len(A), batch):
        thresholds.add(A[start : start + batch])
    overlaps = Overlaps(thresholds.thresholds, masks.shape[1])
    for start in range(0, len(A), batch):
        overlaps.add(A[start : start + batch], masks[start : start + batch])
    return thresholds, overlaps


@pytest.mark.parametrize("batch", [1, 3, 40])
def test_streaming_gives_the_very_figures_of_the_definition(batch: int) -> None:
    """The second way holds everything in memory, sorts whole units and loops over units and concepts."""
    A, masks = drawn(12, 5, 9, 3)
    thresholds, overlaps = streamed(A, masks, batch)
    for unit in range(5):
        values = np.sort(A[:, unit].numpy().ravel())[::-1]
        T = values[int(0.005 * len(values))]
        assert float(thresholds.thresholds[unit]) == T
        assert (values > T).sum() <= 0.005 * len(values)
        above = np.stack([upsample(a[unit].numpy(), (SIDE, SIDE)) for a in A]) > T
        for c in range(3):
            marked = masks[:, c].numpy()
            expected = (above & marked).sum() / (above | marked).sum()
            assert overlaps.iou[unit, c] == pytest.approx(expected, abs=2e-4)  # a pixel may lie right at T
    assert overlaps.areas == pytest.approx(masks.float().mean((0, 2, 3)).numpy())


def test_the_most_exciting_images_come_first() -> None:
    A, masks = drawn(12, 5, 9, 1)
    images, values = streamed(A, masks, 5)[0].top_images
    highest = A.amax((2, 3)).numpy()
    assert images.shape == (5, TOP_IMAGES)
    for unit in range(5):
        order = np.argsort(-highest[:, unit])[:TOP_IMAGES]
        assert images[unit].tolist() == order.tolist()
        assert values[unit].tolist() == highest[order, unit].tolist()


def test_a_set_of_another_size_than_announced_has_no_threshold() -> None:
    thresholds = ActivationThresholds(2, 100)
    thresholds.add(torch.zeros(1, 2, 7, 7))
    with pytest.raises(ValueError, match="49 activations of a unit were added, and 100 were announced"):
        _ = thresholds.thresholds


def by_colour(classes: int = 2) -> nn.Module:
    """Units 0, 1, 2 fire at red, green and blue of their own; unit 3 nowhere in particular; 4 × 4 pixels a cell."""
    first = nn.Conv2d(3, 4, 4, 4)
    first.weight.data.fill_(-1.0)
    for colour in range(3):
        first.weight.data[colour, colour] = 1.0
    first.weight.data[3] = 0.01
    first.bias.data.zero_()
    return nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(4, classes))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    entry = Entry(
        name="colours",
        version="1",
        architecture="tests.collections.reports.test_dissection:by_colour",
        weights="colours.safetensors",
        sha256="0" * 64,
        labels=("a", "b"),
        frame=Frame(resize=64, crop=64, mean=(0, 0, 0), std=(1, 1, 1)),
        card=CARD,
    )
    return Classifier.build(entry, by_colour().state_dict(), "0" * 64, "torch")


def blobs() -> Iterator[LabelledImage]:
    """Red, green and blue squares at random places, as large together as 0.5 % of all pixels."""
    random = np.random.default_rng(1)
    for i in range(20):
        pixels = np.full((64, 64, 3), 90, np.uint8)
        masks = {}
        for colour, name in enumerate(("red", "green", "blue")):
            masks[name] = np.zeros((64, 64), bool)
            if (i + colour) % 8 == 0:
                top, left = 4 * random.integers(1, 13, 2)
                masks[name][top : top + 8, left : left + 8] = True
                pixels[masks[name]] = [220 if c == colour else 20 for c in range(3)]
        yield LabelledImage(f"blob-{i}", "a", pixels, masks)


def test_units_that_are_concepts_are_found(classifier: Classifier) -> None:
    report, regions = dissect(classifier, blobs, 20)
    found = {one.unit: one for one in report.units if one.detector}
    assert {unit: one.concept for unit, one in found.items()} == {0: "red", 1: "green", 2: "blue"}
    assert min(one.iou for one in found.values()) > 0.4
    assert {one.name: one.detectors for one in report.concepts} == {"red": 1, "green": 1, "blue": 1}
    red = found[0].top_activations[0]
    number = int(red.image.split("-")[1])
    assert number % 8 == 0
    region = regions[0][0].region
    assert regions[0][0].picture[region][:, 0].mean() > 150


def test_any_layer_can_be_dissected_and_what_has_no_map_is_refused(classifier: Classifier) -> None:
    first, last = classifier.network.names[1], classifier.network.names[-1]
    assert dissect(classifier, blobs, 20, first)[0].layer == first
    with pytest.raises(DoesNotApply, match="has no map to show; those that have are"):
        dissect(classifier, blobs, 20, last)
    with pytest.raises(UnknownName):
        dissect(classifier, blobs, 20, "nowhere")


def test_images_without_masks_cannot_be_dissected_with(classifier: Classifier) -> None:
    bare = [LabelledImage(one.name, one.label, one.pixels) for one in blobs()]
    with pytest.raises(TrainingError, match=r"put NAME\.CONCEPT\.mask\.png beside"):
        dissect(classifier, lambda: iter(bare), 20)


def test_the_page_shows_the_units_with_their_images(classifier: Classifier) -> None:
    report, regions = dissect(classifier, blobs, 20)
    text = page(report, regions, "blobs", "colours 1", "NOTICE")
    assert text.count("<img") >= 3 * TOP_IMAGES
    assert "blob-" in text
    assert "NOTICE" in text
