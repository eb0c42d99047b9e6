"""Stages of one's own models, named or found, and what a network says of its layers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from service.errors import RegistryError, UnknownName
from service.models.stages import INPUT, Network, stages
from tests.models.zoo import built


def test_an_unknown_layer_is_answered_with_those_there_are() -> None:
    _, network, _ = built("resnet18")
    with pytest.raises(UnknownName, match=r"no layer 'layer9'.*layer4"):
        network.features("layer9")


class Own(nn.Module):
    """A user's model whose forward is its children in order, with a flattening it does itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.out = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.pool(self.body(x)).flatten(1))


def test_stages_of_a_users_model_are_found() -> None:
    model = Own().eval()
    network, x = Network(stages(model)), torch.randn(2, 3, 16, 16)
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
    assert network.shapes(224)["flatten"] == (512,)
