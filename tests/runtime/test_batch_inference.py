"""Many images at once are the same images one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from service.models.classifier import Classifier
from service.models.registry import Registry
from service.runtime.batch_inference import LabelledImage, inspect_all
from service.settings import Settings


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Registry(Settings(engine="torch")).load("resnet18")


def images(count: int) -> list[LabelledImage]:
    rng = np.random.default_rng(0)
    return [LabelledImage(f"{i}", "", rng.integers(0, 256, (240 + i, 300, 3), np.uint8)) for i in range(count)]


def test_in_batches_is_one_by_one_and_in_order(classifier: Classifier) -> None:
    together = list(inspect_all(classifier, images(5), batch=2))
    assert [seen.image.name for seen in together] == ["0", "1", "2", "3", "4"]
    for seen, image in zip(together, images(5), strict=True):
        (alone,) = inspect_all(classifier, [image])
        assert torch.allclose(seen.logits, alone.logits, rtol=1e-4, atol=1e-4)
        assert torch.allclose(seen.inspection.A, alone.inspection.A, rtol=1e-3, atol=1e-4)
        assert seen.inspection.prepared.sha256 == alone.inspection.prepared.sha256


def test_what_a_specimen_raises_comes_through(classifier: Classifier) -> None:
    def broken():
        yield images(1)[0]
        raise OSError("the disk has gone")

    with pytest.raises(OSError, match="the disk has gone"):
        list(inspect_all(classifier, broken(), batch=1))
    assert list(inspect_all(classifier, [])) == []
