"""A recorded stage calls again what was called, on its own device, with the weights of the network."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from service.explain.heads import RECTIFIED, unsupported_modules
from service.explain.module_copies import shared_copy
from service.models.filters import convolutions
from service.models.stages import Network, Stage
from service.models.tracing.stage import Opaque, Permuted, TracedStage
from service.models.tracing.trace import trace
from tests.models.structures import OwnFunction, Remembers, SqueezeExcite, Standardised, drawn, small_resnet


def network(model: nn.Module, size: int = 32) -> Network:
    generator = torch.Generator().manual_seed(0)
    parts = trace(model, model, torch.randn(5, 3, size, size, generator=generator))
    return Network(tuple(Stage(one.name, one.module, one.spatial, one.shape) for one in parts))


def test_weights_are_shared_with_the_network() -> None:
    model = drawn(small_resnet)
    own = {id(weight) for weight in model.parameters()}
    found = {id(weight) for stage in network(model, 64).stages for weight in stage.module.parameters()}
    assert found == own


def test_modules_keep_the_names_they_have_in_the_network() -> None:
    model = drawn(small_resnet)
    own = {name: module.weight for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    found = convolutions(network(model, 64))
    assert list(found) == list(own)
    assert all(found[name].weight is own[name] for name in own)


def test_a_weight_that_is_computed_from_weights_can_be_shuffled() -> None:
    found = network(drawn(Standardised))
    assert sum(weight.dim() == 4 for stage in found.stages for weight in stage.module.parameters()) == 2


@pytest.mark.parametrize("build", [small_resnet, SqueezeExcite, Remembers])
def test_copies_compute_the_same(build: type[nn.Module]) -> None:
    model, x = drawn(build), torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        for copied in (copy.deepcopy, shared_copy):
            head = network(model, 64).head("input")
            torch.testing.assert_close(copied(head)(x), model(x))


def test_functions_without_a_rule_are_named() -> None:
    """Libraries pass them over, and give the plain gradient under another method's name."""
    found = network(drawn(SqueezeExcite))
    assert "mul" in unsupported_modules(found.head("relu_1"), RECTIFIED)
    assert "Activation" in unsupported_modules(network(drawn(OwnFunction)).head("bn2"), RECTIFIED)
    assert unsupported_modules(network(drawn(small_resnet), 64).head("input"), RECTIFIED) == ""


class Overwrites(nn.Module):
    def forward(self, A: Tensor) -> Tensor:
        return A.mul_(2)


def test_a_module_kept_whole_gets_copies() -> None:
    A = torch.ones(1, 2)
    assert torch.equal(Opaque(Overwrites())(A), 2 * torch.ones(1, 2))
    assert torch.equal(A, torch.ones(1, 2))


def test_maps_with_channels_last_are_turned_both_ways() -> None:
    A = torch.randn(2, 5, 3, 4)
    turned = Permuted(nn.Linear(5, 5), takes=True, gives=True)
    torch.testing.assert_close(turned(A), turned.module(A.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
    assert Permuted(nn.Identity(), takes=False, gives=True)(A).shape == (2, 4, 5, 3)


def test_a_stage_of_functions_alone_has_no_modules() -> None:
    (stage,) = [stage for stage in network(drawn(Remembers)).stages if stage.name == "add"]
    assert isinstance(stage.module, TracedStage)
