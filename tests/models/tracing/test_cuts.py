"""Cuts lie where one tensor leads on, have the names of modules, and none lies inside a block that branches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from service.models.tracing.cuts import cuts
from service.models.tracing.trace import recorded, trace
from tests.models.structures import InPlace, Plain, ReusedRelu, Skip, Transformer, drawn, small_resnet


def names(model: nn.Module, size: int = 32) -> list[str]:
    x = torch.randn(5, 3, size, size, generator=torch.Generator().manual_seed(0))
    run = model if not isinstance(model, Transformer) else lambda x: model(x).logits
    return [cut.name for cut in cuts(recorded(model, run, x))]


def test_a_chain_is_cut_everywhere() -> None:
    assert names(drawn(Plain)) == ["conv1", "bn1", "relu", "conv2", "bn2", "relu_1", "pool", "flatten", "fc"]


def test_a_module_that_is_called_twice_has_two_names() -> None:
    assert "relu" in names(drawn(ReusedRelu))
    assert "relu_1" in names(drawn(ReusedRelu))


def test_beside_a_skip_connection_there_is_no_cut() -> None:
    assert names(drawn(Skip)) == ["conv1", "bn1", "relu", "add", "relu_1", "pool", "flatten", "fc"]


def test_a_residual_network_is_cut_at_its_blocks() -> None:
    expected = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "flatten", "fc"]
    assert names(drawn(small_resnet), 64) == expected


def test_blocks_in_a_row_have_names_of_their_own() -> None:
    found = names(drawn(InPlace))
    assert [name for name in found if name.startswith("blocks")] == ["blocks.0", "blocks"]


def test_a_transformer_is_cut_between_its_layers() -> None:
    found = names(drawn(Transformer))
    assert found[-5:] == ["layers.0", "layers.1", "norm", "getitem", "classifier"]


class TwoTowers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.left(x).relu(), self.right(x.flip(3)).relu()
        return left.mean((2, 3)) - right.mean((2, 3))


def test_two_towers_are_one_stage() -> None:
    assert names(drawn(TwoTowers)) == ["sub"]


class Tokens(nn.Module):
    """Axis 0 is twice as long as there are images in the middle of it."""

    def forward(self, x: Tensor) -> Tensor:
        halves = torch.cat([x, x.flip(3)]).relu()
        first, second = halves.chunk(2)
        return (first + second).mean((2, 3))


def test_a_cut_has_the_images_along_its_first_axis() -> None:
    assert names(Tokens()) == ["add", "mean"]


@pytest.mark.parametrize("images", [1, 2, 7])
def test_the_parts_in_order_are_the_network(images: int) -> None:
    model = drawn(small_resnet)
    parts = trace(model, model, torch.randn(5, 3, 64, 64))
    x = torch.randn(images, 3, 64, 64)
    A = x
    for part in parts:
        A = part.module(A)
        assert tuple(A.shape[1:]) == part.shape
    with torch.no_grad():
        torch.testing.assert_close(A, model(x))
