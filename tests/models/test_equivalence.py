"""Stages are compared with the network on images of all kinds: planted differences are found and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from service.errors import RegistryError
from service.models.equivalence import StagesDiffer, answers, check, first_difference, protected
from service.models.parity import GoldenImages, drawn_images
from service.models.probes import probes, seeded
from service.models.stages import Clone, Network, Stage, stages
from tests.models.brought import entry
from tests.models.structures import drawn as random_network
from tests.models.structures import small_resnet

SIZE = 64


def images() -> Tensor:
    return probes(entry(SIZE), GoldenImages(drawn_images((SIZE, SIZE)), "drawn"))


def test_images_of_all_kinds_are_tried() -> None:
    golden = drawn_images((16, 16))
    noise, dark, bright, mirrored = seeded(golden[0])
    assert dark.max() < 16
    assert bright.min() > 240
    assert 100 < noise.mean() < 155
    assert np.array_equal(mirrored[:, ::-1], golden[0])
    assert np.array_equal(seeded(golden[0]), np.stack([noise, dark, bright, mirrored]))
    assert len(images()) == 8


def test_every_image_is_tried_in_batches_of_one_and_three() -> None:
    asked: list[int] = []
    found = answers(lambda x: asked.append(len(x)) or x.mean((2, 3)), images())  # type: ignore[func-returns-value]
    assert asked == [3, 3, 2] + 8 * [1]
    assert all(found.logits[size].shape == (8, 3) for size in (1, 3))


class Broken(nn.Module):
    """Wrong by so much, for images that are so bright."""

    def __init__(self, by: float, above: float) -> None:
        super().__init__()
        self.by, self.above = by, above

    def forward(self, logits: Tensor) -> Tensor:
        return logits + self.by * (logits.amax(1, keepdim=True) > self.above)


def test_a_difference_in_one_image_of_eight_is_found() -> None:
    model = random_network(small_resnet)
    expected = answers(model, images())
    network = Network(stages(model))
    check(network, expected)
    highest = expected.logits[1].amax(1)
    just_one = float(highest.sort().values[-2:].mean())
    for by, differs in ((1e-2, True), (1e-6, False)):
        last = replace(network.stages[-1], module=nn.Sequential(network.stages[-1].module, Broken(by, just_one)))
        wrong = Network((*network.stages[:-1], last))
        if differs:
            with pytest.raises(StagesDiffer, match="its logits differ"):
                check(wrong, expected)
        else:
            check(wrong, expected)


def test_a_head_that_was_taken_for_another_is_found() -> None:
    model = random_network(small_resnet)
    expected, network = answers(model, images()), Network(stages(model))
    network.head("layer4").bias += 0.1  # type: ignore[union-attr,operator]
    with pytest.raises(StagesDiffer, match="behind 'layer4' Fovea takes the head for a mean"):
        check(network, expected)


@pytest.mark.parametrize("exchanged", ["conv1", "layer2", "fc"])
def test_the_first_stage_that_differs_is_named(exchanged: str) -> None:
    model = random_network(small_resnet)
    network = Network(stages(model))
    other = Network(stages(random_network(small_resnet, seed=1)))
    pairs = zip(network.stages, other.stages, strict=True)
    wrong = Network(tuple(theirs if mine.name == exchanged else mine for mine, theirs in pairs))
    assert first_difference(wrong, model, model, images()[:1]) == f"they part at {exchanged!r}"


def test_stages_that_write_to_their_input_get_a_copy() -> None:
    network = Network((Stage("a", nn.Conv2d(3, 4, 1)), Stage("b", nn.ReLU(inplace=True)), Stage("c", nn.ReLU())))
    safe = protected(network, torch.randn(1, 3, 4, 4))
    assert [isinstance(stage.module, nn.Sequential) for stage in safe.stages] == [False, True, False]
    assert isinstance(safe.stages[1].module[0], Clone)  # type: ignore[index]
    A = torch.randn(1, 4, 4, 4)
    before = A.clone()
    safe.head("a")(A)
    assert torch.equal(A, before)


def test_an_answer_that_changes_is_refused() -> None:
    with pytest.raises(RegistryError, match="something in it is random"):
        answers(lambda x: x.mean((2, 3)) + torch.rand(len(x), 3), images())


def test_numbers_that_are_not_finite_must_be_so_in_both() -> None:
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    expected = answers(lambda x: model(x).log(), images())
    assert torch.isnan(expected.logits[1]).any()
    log = Stage("log", Log())
    check(Network((Stage("pool", model[0]), Stage("flat", model[1]), log)), expected)
    with pytest.raises(StagesDiffer):
        check(Network((Stage("pool", model[0]), Stage("flat", model[1]))), expected)


class Log(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.log()
