"""Copies share or shuffle weights, leave the original alone, and every method accepts them as a head."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from service.explain.heads import PooledLinear
from service.explain.methods import METHODS
from service.explain.module_copies import UnrolledActivation, shared_copy, shuffled_copy, unrolled_copy
from tests.explain.networks import HEADS, applies, cut, explain, one_hot, side
from tests.models.zoo import built


def test_a_copy_shares_weights_and_no_module() -> None:
    model, _, x = built("resnet18")
    copied = unrolled_copy(model, x[:1])
    assert {id(p) for p in copied.parameters()} == {id(p) for p in model.parameters()}
    assert {id(b) for b in copied.buffers()} == {id(b) for b in model.buffers()}
    assert not {id(m) for m in copied.modules()} & {id(m) for m in model.modules()}
    assert isinstance(copied.layer1[0].relu, UnrolledActivation)
    assert isinstance(model.layer1[0].relu, nn.ReLU)
    assert torch.equal(copied(x), model(x))
    assert not any(m.inplace for m in shared_copy(model).modules() if isinstance(m, nn.ReLU))


def sizes_and_values(module: nn.Module) -> list[tuple[torch.Size, torch.Tensor]]:
    tensors = [*module.parameters(), *module.buffers()]
    return [(tensor.shape, tensor.flatten().sort().values) for tensor in tensors]


@pytest.mark.parametrize("kind", HEADS)
def test_a_shuffled_copy_has_the_same_weights_elsewhere_and_leaves_the_module_alone(kind: str) -> None:
    head, A = cut(kind).head, cut(kind).A
    before = [tensor.clone() for tensor in (*head.parameters(), *head.buffers())]
    shuffled = shuffled_copy(head)
    assert type(shuffled) is type(head)
    for (shape, values), (other_shape, other) in zip(sizes_and_values(head), sizes_and_values(shuffled), strict=True):
        assert shape == other_shape
        assert torch.equal(values, other)
    assert not torch.allclose(shuffled(A), head(A))
    assert torch.equal(shuffled(A), shuffled_copy(head)(A))
    assert not torch.allclose(shuffled(A), shuffled_copy(head, seed=1)(A))
    assert all(map(torch.equal, before, (*head.parameters(), *head.buffers())))


def test_only_matrices_and_kernels_are_shuffled() -> None:
    block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    other = shuffled_copy(block, seed=1)
    assert not torch.equal(other[0].weight, block[0].weight)
    assert other[0].bias is block[0].bias
    assert other[1].weight is block[1].weight


def test_a_weight_that_two_modules_share_is_shuffled_once() -> None:
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    other = shuffled_copy(tied)
    assert other[0].weight is other[1].weight
    assert other[0].weight is not tied[0].weight


def test_a_pooled_linear_head_keeps_its_bias() -> None:
    head = PooledLinear(torch.randn(5, 12), torch.randn(5))
    assert shuffled_copy(head).bias is head.bias


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", HEADS)
def test_every_method_explains_a_shuffled_head(name: str, kind: str) -> None:
    """The measure `head_randomisation` asks for it."""
    network = cut(kind)
    if not applies(METHODS[name], network):
        pytest.skip("the method does not apply to this head")
    shuffled = replace(network, head=shuffled_copy(network.head))
    maps = explain(METHODS[name], shuffled, one_hot([1, 3, 0]))
    assert maps.shape == (3, side(METHODS[name]), side(METHODS[name]))
    assert torch.isfinite(maps).all()
