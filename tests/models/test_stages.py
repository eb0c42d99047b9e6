"""Stages by hand, stages by name, and what a network says of its layers."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from service.errors import RegistryError, UnknownName
from service.models.stages import INPUT, Clone, Network, Stage, has_family, stages
from tests.models.structures import pre_hook, replaced_forward, small_resnet
from tests.models.zoo import built


def test_an_unknown_layer_is_answered_with_those_there_are() -> None:
    _, network, _ = built("resnet18")
    with pytest.raises(UnknownName, match=r"no layer 'layer9'.*layer4"):
        network.features("layer9")


def test_a_network_of_no_family_has_no_stages_by_hand() -> None:
    with pytest.raises(RegistryError, match="Linear is no torchvision classifier"):
        stages(nn.Linear(2, 2))


class Own(nn.Module):
    """A user's model with a flattening that it does itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.out = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.pool(self.body(x)).flatten(1))


def test_a_flattening_between_named_stages_is_added() -> None:
    model = Own().eval()
    network, x = Network(stages(model, ["body", "pool", "out"])), torch.randn(2, 3, 16, 16)
    assert network.names == (INPUT, "body", "pool", "flatten", "out")
    torch.testing.assert_close(network.features("out")(x), model(x))


def test_stages_of_a_users_model_can_be_named() -> None:
    model = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    network = Network(stages(model, ["0.0", "0.1", "1", "2", "3"]))
    assert network.names == (INPUT, "0.0", "0.1", "1", "2", "3")
    with pytest.raises(RegistryError, match="'4' is no submodule"):
        stages(model, ["0", "4"])


def test_shapes_are_those_of_the_layers() -> None:
    _, network, _ = built("resnet18")
    assert network.shapes(224)["layer4"] == (512, 7, 7)
    assert network.shapes((3, 96, 64))["layer4"] == (512, 3, 2)
    assert network.shapes(224)["flatten"] == (512,)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "googlenet", "mobilenet_v2"])
def test_stages_share_every_weight_and_write_to_nothing(name: str) -> None:
    """And the model itself stays as it was: its activations are in place where they were."""
    model, network, _ = built(name)
    own = {id(parameter) for parameter in model.parameters()}
    learned = [stage for stage in network.stages if stage.name != "transform_input"]  # a change of colours, no weights
    assert all(id(parameter) in own for stage in learned for parameter in stage.module.parameters())
    modules = [module for stage in network.stages for module in stage.module.modules()]
    assert not any(getattr(module, "inplace", False) for module in modules)
    assert name == "googlenet" or any(getattr(module, "inplace", False) for module in model.modules())


class ResNet(torchvision.models.ResNet):
    """A subclass that changes nothing yet."""


def test_only_a_family_with_its_own_forward_has_stages_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_family(small_resnet())
    block = torchvision.models.resnet.BasicBlock
    for other in (replaced_forward(), pre_hook(), ResNet(block, [1, 1, 1, 1]), nn.Sequential(small_resnet())):
        assert not has_family(other)
    monkeypatch.setattr(torchvision.models.ResNet, "forward", lambda self, x: self._forward_impl(x.flip(1)))
    assert not has_family(small_resnet())


def test_a_copy_in_front_of_a_stage_leaves_its_input_alone() -> None:
    network = Network((Stage("relu", nn.Sequential(Clone(), nn.ReLU(inplace=True))),))
    x = torch.randn(1, 2)
    before = x.clone()
    torch.testing.assert_close(network.features("relu")(x), before.relu())
    assert torch.equal(x, before)
