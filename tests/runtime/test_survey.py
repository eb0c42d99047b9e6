"""Many images at once are the same images one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from service.models.classifier import Classifier
from service.models.registry import Registry
from service.runtime.survey import Specimen, survey
from service.settings import Settings


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Registry(Settings(engine="torch")).load("resnet18")


def specimens(count: int) -> list[Specimen]:
    rng = np.random.default_rng(0)
    return [Specimen(f"{i}", "", rng.integers(0, 256, (240 + i, 300, 3), np.uint8)) for i in range(count)]


def test_in_batches_is_one_by_one_and_in_order(classifier: Classifier) -> None:
    together = list(survey(classifier, specimens(5), batch=2))
    assert [seen.specimen.name for seen in together] == ["0", "1", "2", "3", "4"]
    for seen, specimen in zip(together, specimens(5), strict=True):
        (alone,) = survey(classifier, [specimen])
        assert torch.allclose(seen.logits, alone.logits, rtol=1e-4, atol=1e-4)
        assert torch.allclose(seen.look.A, alone.look.A, rtol=1e-3, atol=1e-4)
        assert seen.look.prepared.sha256 == alone.look.prepared.sha256


def test_what_a_specimen_raises_comes_through(classifier: Classifier) -> None:
    def broken():
        yield specimens(1)[0]
        raise OSError("the disk has gone")

    with pytest.raises(OSError, match="the disk has gone"):
        list(survey(classifier, broken(), batch=1))
    assert list(survey(classifier, [])) == []
