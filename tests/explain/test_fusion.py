"""Maps of several layers as one."""

from __future__ import annotations

import pytest
import torch

from service.explain.fusion import FUSIONS, fuse


def maps() -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, 4, 4) * 1e-3, torch.randn(2, 8, 8) * 1e3]


@pytest.mark.parametrize("how", FUSIONS)
def test_the_finest_resolution_and_one_scale(how: str) -> None:
    fused = fuse(maps(), how)
    assert fused.shape == (2, 8, 8)
    assert 0 <= float(fused.min()) <= float(fused.max()) <= 1


@pytest.mark.parametrize("how", FUSIONS)
def test_neither_order_nor_scale_matters(how: str) -> None:
    first, second = maps()
    torch.testing.assert_close(fuse([first, second], how), fuse([second, 7 * first], how))


def test_fusions_are_ordered() -> None:
    product, mean, largest = (fuse(maps(), how) for how in ("product", "mean", "max"))
    assert (product <= mean + 1e-6).all()
    assert (mean <= largest + 1e-6).all()


def test_an_empty_layer_leaves_nothing_of_a_product_and_all_of_a_maximum() -> None:
    first, second = maps()
    empty = -second.abs()
    assert fuse([first, empty], "product").max() == 0
    torch.testing.assert_close(fuse([second, empty], "max"), fuse([second], "max"))
