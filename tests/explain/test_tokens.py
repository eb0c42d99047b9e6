"""Which grid of patches the tokens of an image are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from service.errors import DoesNotApply
from service.explain.tokens import TokenHead, spatial, token_grid


@pytest.mark.parametrize("prefix", [0, 1, 5])
@pytest.mark.parametrize("patch", [4, 8, 14, 16, 32])
@pytest.mark.parametrize("image", [(224, 224), (160, 320), (320, 160), (256, 224), (100, 300), (518, 392)])
def test_the_grid_is_that_of_a_convolution_over_patches(image: tuple[int, int], patch: int, prefix: int) -> None:
    """Where the patches fill the image always; elsewhere it is that or refused, never another."""
    patches = nn.Conv2d(1, 1, patch, patch)(torch.zeros(1, 1, *image))
    tokens, expected = patches[0, 0].numel() + prefix, tuple(patches.shape[2:])
    try:
        assert token_grid(tokens, image) == expected
    except DoesNotApply:
        assert image[0] % patch or image[1] % patch


def test_tokens_are_read_row_by_row_behind_those_without_a_position() -> None:
    tokens = torch.arange(1.0, 12)[None, :, None]  # three without a position, then 2 x 4
    A, head = spatial(tokens, nn.Flatten(), (32, 64))
    assert A[0, 0].tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]
    assert isinstance(head, TokenHead)
    assert torch.equal(head(A), tokens.flatten(1))


@pytest.mark.parametrize(
    ("tokens", "image"), [(12 * 31 + 1, (160, 320)), (500, (64, 96)), (32, (100, 300)), (14 * 28 + 1, (224, 224))]
)
def test_tokens_whose_patches_cannot_be_told_are_refused(tokens: int, image: tuple[int, int]) -> None:
    """The first two are no grid of square patches, the third 3 x 10 and two more or 3 x 9 and five more, and the last
    patches of 16 x 8 pixels."""
    with pytest.raises(DoesNotApply, match="cannot be told"):
        token_grid(tokens, image)
