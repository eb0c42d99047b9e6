"""All stages in order are the model, for every family; and for every cut, head after features is the model."""

from __future__ import annotations

import functools

import pytest
import torch
import torchvision
from torch import Tensor, nn

from service.errors import RegistryError, UnknownName
from service.explain.heads import PooledLinear
from service.models.stages import INPUT, Network, stages

FAMILIES = {
    **dict.fromkeys(("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"), (64, {})),
    **dict.fromkeys(("densenet121", "densenet161", "densenet169", "densenet201"), (64, {})),
    "alexnet": (96, {}),
    **dict.fromkeys(("vgg11", "vgg16_bn"), (64, {})),
    "googlenet": (64, {"aux_logits": True, "transform_input": True, "init_weights": False}),
}


@functools.cache
def built(name: str) -> tuple[nn.Module, Network, Tensor]:
    torch.manual_seed(0)
    size, arguments = FAMILIES[name]
    model = torchvision.models.get_model(name, weights=None, num_classes=7, **arguments).eval().requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # fresh statistics would hide a forgotten normalisation
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model, Network(stages(model)), torch.randn(2, 3, size, size)


def relative(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("name", FAMILIES)
def test_every_cut_is_the_model(name: str) -> None:
    model, network, x = built(name)
    with torch.inference_mode():
        expected = model(x)
        A, untouched, last = x, x.clone(), INPUT
        for cut in network.names:
            A = network.between(last, cut)(A)
            last, kept = cut, A.clone()
            assert relative(network.head(cut)(A), expected) <= 1e-6, cut
            assert torch.equal(A, kept), f"the head after {cut} wrote into its input"
        assert torch.equal(x, untouched)
        assert relative(network.features(network.names[-1])(x), expected) <= 1e-6


@pytest.mark.parametrize(
    ("name", "map_"), [("resnet18", "layer4"), ("densenet121", "relu"), ("googlenet", "inception5b")]
)
def test_pooled_linear_heads_are_recognised(name: str, map_: str) -> None:
    _, network, _ = built(name)
    assert isinstance(network.head(map_), PooledLinear)


@pytest.mark.parametrize("name", ["alexnet", "vgg11"])
def test_perceptron_heads_are_not_taken_for_pooled_ones(name: str) -> None:
    _, network, _ = built(name)
    assert not any(isinstance(network.head(cut), PooledLinear) for cut in network.names)


def test_the_last_map_of_a_densenet_is_behind_its_relu() -> None:
    _, network, x = built("densenet121")
    with torch.inference_mode():
        assert network.features("norm5")(x).min() < 0 <= network.features("relu")(x).min()


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
