"""What methods in pixels promise, on a network whose blocks use one ReLU twice and under a deadline."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from service.errors import DoesNotApply
from service.explain import pixels
from service.explain.method import Deadline, MethodContext
from service.explain.methods import METHODS
from tests.explain.networks import cut, one_hot
from tests.models.zoo import CLASSES, built

TARGET = nn.functional.one_hot(torch.tensor([3]), CLASSES).float()


def explained(architecture: str, name: str, **parameters: object) -> tuple[torch.Tensor, MethodContext, float]:
    """The map, its context, and the change of the score from the mean colour to the image."""
    _, network, x = built(architecture)
    whole = network.features(network.names[-1])
    context = MethodContext(x[:1], torch.no_grad()(whole))
    M = METHODS[name].function(x[:1], whole, TARGET, context=context, **parameters)
    change = context.forward(x[:1]) - context.forward(torch.zeros_like(x[:1]))
    return M, context, float((change * TARGET).sum())


@pytest.mark.parametrize("architecture", ["resnet18", "googlenet"])
def test_deeplift_adds_up_to_the_change_of_the_score(architecture: str) -> None:
    """Captum alone refuses ResNet, whose blocks use one ReLU twice, and misses GoogLeNet's functional ones."""
    M, context, change = explained(architecture, "deeplift")
    assert float(M.sum()) == pytest.approx(change, rel=0.02, abs=1e-4)
    assert context.measures["completeness_delta"] == pytest.approx([float(M.sum()) - change], abs=1e-4)


@pytest.mark.heavy
def test_integrated_gradients_add_up_better_with_more_steps() -> None:
    few = explained("resnet18", "integrated-gradients", steps=8)
    many = explained("resnet18", "integrated-gradients", steps=128)
    errors = [abs(float(M.sum()) - change) for M, _, change in (few, many)]
    assert errors[1] < 0.05 * abs(many[2])
    assert many[1].measures["completeness_delta"] == pytest.approx([float(many[0].sum()) - many[2]], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "parameters", "share"),
    [
        ("smoothgrad", {"samples": 4}, 1 / 4),
        ("integrated-gradients", {}, 1 / pixels.SEGMENTS),
        ("occlusion", {"window": 14, "stride": 14}, 1 / 5),
    ],
)
def test_a_deadline_leaves_what_was_done(name: str, parameters: dict[str, object], share: float) -> None:
    network = cut("convolutional")
    whole = nn.Sequential(network.features, network.head)
    context = MethodContext(network.x[:1], network.forward, Deadline(0.0))
    M = METHODS[name].function(network.x[:1], whole, one_hot([1]), context=context, **parameters)
    assert context.deadline.completed == pytest.approx(share)
    assert torch.isfinite(M).all()


def test_winning_probability_is_kept_on_the_way_down() -> None:
    """A side of the contrast each, one unit of it reaches the cut, through convolutions, pools and concatenations."""
    from service.explain.excitation import _propagate

    for architecture, layer in (("vgg11", "features.10"), ("googlenet", "inception4e"), ("alexnet", "features.5")):
        _, network, x = built(architecture)
        with torch.no_grad():
            A = network.features(layer)(x[:1]).clamp_min(0)
        total = float(_propagate(A, nn.Sequential(network.head(layer)), TARGET, False).sum())
        assert total == pytest.approx(1, abs=1e-3), architecture


def test_excitation_says_where_it_has_no_rule() -> None:
    _, network, x = built("resnet18")
    method = METHODS["excitation-backprop"]
    with torch.no_grad():
        deep, shallow = network.features("layer4")(x[:1]), network.features("layer2")(x[:1])
    assert torch.isfinite(method.function(deep, network.head("layer4"), TARGET)).all()
    with pytest.raises(DoesNotApply, match="no rule for branches"):
        method.function(shallow, network.head("layer2"), TARGET)
