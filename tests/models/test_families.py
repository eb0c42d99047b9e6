"""All stages in order are the model, for every family; and for every cut, head after features is the model."""

from __future__ import annotations

import typing

import pytest
import torch
import torchvision
from torch import nn

from service.errors import DoesNotApply
from service.explain.heads import PooledLinear
from service.explain.methods import METHODS
from service.explain.tokens import TokenHead, spatial
from service.models import families
from service.models.layers import last_map, mapped
from service.models.stages import INPUT
from tests.models.zoo import CLASSES, FAMILIES, built, relative

DEFAULT_CUTS = {
    "resnet18": "layer4",
    "resnext50_32x4d": "layer4",
    "densenet121": "relu",
    "alexnet": "features.11",
    "vgg11": "features.19",
    "googlenet": "inception5b",
    "inception_v3": "Mixed_7c",
    "mobilenet_v2": "features.18",
    "mobilenet_v3_small": "features.12",
    "efficientnet_b0": "features.8",
    "efficientnet_v2": "features.7",
    "convnext_tiny": "features.7",
    "regnet_x_400mf": "trunk_output.block4",
    "regnet_y_400mf": "trunk_output.block4",
    "shufflenet_v2_x0_5": "conv5",
    "squeezenet1_0": "features.12",
    "squeezenet1_1": "features.12",
    "mnasnet0_5": "layers.16",
    "vit": "encoder.layers.encoder_layer_1",
    "vit_with_representation": "encoder.layers.encoder_layer_0",
    "swin": "norm",
    "swin_v2": "norm",
    "maxvit": "blocks.1",
}
"""Where explanations look unless told otherwise: the last map, activated and not yet pooled."""

POOLED_LINEAR = {
    *("resnet18", "resnext50_32x4d", "densenet121", "googlenet", "inception_v3"),
    *("mobilenet_v2", "efficientnet_b0", "efficientnet_v2", "regnet_x_400mf", "regnet_y_400mf"),
    *("shufflenet_v2_x0_5", "mnasnet0_5", "swin", "swin_v2"),
}
"""Families whose class activation map exists; the others have more behind the pooling, or none."""


NORMALISED = {"convnext_tiny", "vit", "vit_with_representation"}
"""Families whose last map is only read through a layer normalisation."""


@pytest.mark.parametrize("family", FAMILIES)
def test_every_cut_is_the_model(family: str) -> None:
    model, network, x = built(family)
    assert len(set(network.names)) == len(network.names)
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


@pytest.mark.parametrize("family", FAMILIES)
def test_explanations_look_at_the_last_map_that_has_a_say(family: str) -> None:
    _, network, x = built(family)
    shapes = network.shapes(x.shape[-1])
    if family == "inception_v3":
        shapes = network.shapes(139)  # its last map has one position at the test's size
    cut = last_map(network, shapes)
    assert cut == DEFAULT_CUTS[family]
    assert isinstance(network.head(cut), PooledLinear) == (family in POOLED_LINEAR)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_method_explains_every_map_of_every_family(family: str) -> None:
    """A finite map with the layer's own height and width, and with something in it where the head reads the layer."""
    _, network, x = built(family)
    target = nn.functional.one_hot(torch.tensor([3, 5]), CLASSES).float()
    shapes = network.shapes(x.shape[-1])
    layers = [layer for layer in network.names if layer != INPUT and mapped(shapes[layer])]
    for layer in (layers[0], layers[len(layers) // 2], layers[-1]):
        A, head = spatial(network.features(layer)(x[:1]), network.head(layer), tuple(x.shape[-2:]))
        for method in METHODS.values():
            if method.cheap and method.head == "any":
                try:
                    M = method.function(A, head, target)
                except DoesNotApply:
                    assert method.name == "excitation-backprop"
                    continue
                assert M.shape == (2, *A.shape[2:]), (layer, method.name)
                assert torch.isfinite(M).all(), (layer, method.name)
                vanishes = method.name == "hirescam" and family in NORMALISED  # by construction: see its docstring
                assert vanishes or M.abs().max() > 0, (layer, method.name)


def test_channels_last_families_give_maps_like_the_others() -> None:
    _, network, _ = built("swin")
    shapes = network.shapes(64)
    assert shapes["features.0"] == (12, 16, 16)
    assert shapes["norm"] == (24, 8, 8)


def test_tokens_are_laid_out_where_their_patches_were() -> None:
    """The grid of tokens right behind the embedding is the convolution's own map, plus the positions."""
    model, network, x = built("vit")
    patches = network.features("conv_proj")(x)
    tokens = network.features("tokens")(x)
    grid, head = spatial(tokens, network.head("tokens"), tuple(x.shape[-2:]))
    place = model.encoder.pos_embedding[0, 1:].T.unflatten(1, (5, 5))
    torch.testing.assert_close(grid, patches + place)
    assert isinstance(head, TokenHead)
    torch.testing.assert_close(head(grid), model(x))


def test_behind_its_last_block_a_vision_transformer_has_no_map() -> None:
    _, network, _ = built("vit")
    shapes = network.shapes(40)
    assert shapes["encoder.layers.encoder_layer_1"] == (26, 24)
    assert shapes["encoder.layers.encoder_layer_2"] == (24,)


def test_the_last_map_of_a_densenet_is_behind_its_relu() -> None:
    _, network, x = built("densenet121")
    with torch.inference_mode():
        assert network.features("norm5")(x).min() < 0 <= network.features("relu")(x).min()


@pytest.mark.parametrize("name", torchvision.models.list_models(module=torchvision.models))
def test_every_classifier_of_torchvision_has_a_family(name: str) -> None:
    builder = torchvision.models.get_model_builder(name)
    assert typing.get_type_hints(builder)["return"] in families.FAMILIES
