"""The digits example: two maps of the same digits, with figures that are theirs."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from service.collections.projections import digits, digits_picture, fitting
from service.collections.projections.digits import NEIGHBORS, DigitsExample, example
from service.training.digits import Digits, Network


@pytest.fixture(scope="module")
def found() -> DigitsExample:
    """With a tenth of the rounds and epochs."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "EARLY_ITERATIONS", 40)
        patch.setattr(fitting, "ITERATIONS", 20)
        heard: list[float] = []
        made = example(3, lambda progress, stage: heard.append(progress), epochs=8)
    assert heard == sorted(heard)
    assert 0.9 < heard[-1] <= 1
    return made


def test_features_gather_digits_that_pixels_do_not(found: DigitsExample) -> None:
    """Counted again from the vectors, one digit at a time; fails where both maps are of pixels (tried)."""
    learn, held = Digits.halves()
    assert np.array_equal(found.labels, held.labels)
    features = Network(learn, 3, lambda: None, 8).features(held)
    for view, vectors in zip(found.projections, (held.pixels.reshape(899, -1), features), strict=True):
        same = []
        for row, vector in enumerate(vectors):
            order = np.argsort(((vectors - vector) ** 2).sum(1), kind="stable")
            others = order[order != row][:NEIGHBORS]
            same.append((held.labels[others] == held.labels[row]).mean())
        assert view.purity == pytest.approx(np.mean(same), abs=0.002)
        assert view.coordinates.shape == (899, 2)
    pixels, learned = found.projections
    assert learned.purity > pixels.purity + 0.03
    assert not np.array_equal(pixels.coordinates, learned.coordinates)


def test_the_picture_shows_both(found: DigitsExample) -> None:
    with Image.open(io.BytesIO(digits_picture.picture(found))) as image:
        assert image.size == (1600, 960)
        pixels = np.asarray(image.convert("RGB"), np.int64)
    for half in (pixels[200:800, 60:760], pixels[200:800, 840:1540]):
        assert (np.abs(half - half[0, 0]).max(2) > 60).mean() > 0.01
    assert "perplexity 30" in digits_picture.describe(found.projections[0])
    assert np.bincount(found.labels).min() > digits.NEIGHBORS
