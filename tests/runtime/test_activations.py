"""Feature maps of single units, by hand and for every layer that has any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from service.errors import BadParameter, DoesNotApply, UnknownName
from service.images.frame import Geometry
from service.images.workers import Prepared
from service.models.classifier import Classifier
from service.models.registry import Registry
from service.runtime.activations import activations, check
from service.runtime.inference_service import InferenceService
from service.runtime.inspection import Inspection
from service.runtime.question import Question, UnitRequest
from tests.models import tiny
from tests.runtime.test_answers import picture


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    tiny.add(tmp_path, "tiny")
    return Registry(tiny.settings(tmp_path)).load("tiny")


def inspection(classifier: Classifier, A: torch.Tensor) -> Inspection:
    geometry = Geometry(30, 20, (5.0, 0.0, 25.0, 20.0), (16, 16))
    return Inspection(classifier, Prepared("", "", (), np.zeros((16, 16, 3), np.uint8), geometry, None, {}), "2", A)


def test_the_most_active_units_come_first_or_those_named_in_their_order(classifier: Classifier) -> None:
    A = torch.tensor([1.0, 7.0, 3.0, 5.0])[None, :, None, None] * torch.rand(1, 4, 3, 2, generator=None).clamp(0.9)
    found = activations(inspection(classifier, A), UnitRequest(top=2))
    assert [one.unit for one in found.units] == [1, 3]
    assert found.shape == (4, 3, 2)
    assert found.region == (5.0, 0.0, 25.0, 20.0)
    named = activations(inspection(classifier, A), UnitRequest((2, 0)))
    assert [one.unit for one in named.units] == [2, 0]
    for one in named.units:
        assert np.array_equal(one.grid, A[0, one.unit].numpy())
        assert one.maximum == pytest.approx(float(A[0, one.unit].max()))
        assert one.mean == pytest.approx(float(A[0, one.unit].mean()))


def test_tokens_are_laid_out_as_their_grid_without_the_class_token(classifier: Classifier) -> None:
    tokens = torch.arange(10.0)[None, :, None].repeat(1, 1, 3)  # (1, 1 + 9, 3)
    found = activations(inspection(classifier, tokens), UnitRequest((1,)))
    assert found.shape == (3, 3, 3)
    assert found.units[0].grid.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


@pytest.mark.parametrize(
    ("layer", "unit_request", "error", "told"),
    [
        ("2", UnitRequest((4,)), BadParameter, "has no unit 4; its 4 units are 0 to 3"),
        ("2", UnitRequest(top=0), BadParameter, "1 to 256 units"),
        ("2", UnitRequest(tuple(range(4)) * 100), BadParameter, "1 to 256 units"),
        ("5", UnitRequest(), DoesNotApply, "no map to show; those that have are input, 0, 1, 2"),
        ("nowhere", UnitRequest(), UnknownName, "there is no layer 'nowhere'"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(
    classifier: Classifier, layer: str, unit_request: UnitRequest, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        check(classifier, layer, unit_request)


async def test_they_are_the_engines_own_maps(tmp_path: Path) -> None:
    tiny.add(tmp_path, "tiny")
    (tmp_path / "default.toml").write_text('default = "tiny"')
    answers = InferenceService(tiny.settings(tmp_path, decode_workers=1, threads=1))
    classifier = answers.registry.load()
    await answers.start(load=False)
    try:
        answer = await answers.activations(picture(1), Question(layers=("1",), unit_request=UnitRequest((3, 1))))
        prepared = await answers.decoders.prepare(picture(1), classifier.entry.frame, 0)
        with pytest.raises(BadParameter, match="has no unit 9"):
            await answers.activations(b"never looked at", Question(unit_request=UnitRequest((9,))))
    finally:
        await answers.close()
    A = classifier.engine.features(torch.from_numpy(prepared.x[None]), "1")
    assert answer.predictions
    assert answer.activations is not None
    assert [one.unit for one in answer.activations.units] == [3, 1]
    for one in answer.activations.units:
        assert np.allclose(one.grid, A[0, one.unit].numpy(), rtol=1e-5)
