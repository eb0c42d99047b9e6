"""Whatever a network wraps its logits in, they are found, or it is said what there is."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from service.models.logits import LogitsOf, UnclearOutputError, found
from tests.models.structures import Named, Output

LOGITS, HIDDEN, LOSS = torch.randn(2, 3), torch.randn(2, 8, 4), torch.tensor(0.5)


@pytest.mark.parametrize(
    "output",
    [
        LOGITS,
        {"loss": LOSS, "logits": LOGITS},
        OrderedDict(logits=LOGITS, hidden_states=(HIDDEN, HIDDEN)),
        {"out": LOGITS},
        {"prediction": LOGITS, "features": torch.randn(2, 8)},
        Output(LOSS, LOGITS, (HIDDEN,)),
        Named(LOGITS, torch.randn(2, 3)),
        (LOSS, LOGITS, HIDDEN),
        [LOGITS],
        (torch.randn(2, 8), LOGITS),
    ],
)
def test_logits_are_found(output: Any) -> None:
    assert found(output, 3) is LOGITS


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ((LOGITS, LOGITS.clone()), r"a tuple with 2 .*\(0: 2 x 3, 1: 2 x 3\)"),
        ({"a": torch.randn(2, 5), "b": torch.randn(2, 6)}, r"none of its tensors of shape \[images, 3\]"),
        ({"loss": None}, "no tensors"),
        (None, "a NoneType"),
        (3, "a int"),
    ],
)
def test_what_is_not_clear_is_said(output: Any, reason: str) -> None:
    with pytest.raises(UnclearOutputError, match=reason):
        found(output, 3)


class Answer(nn.Module):
    """Gives logits of a shape of its own."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)).reshape(self.shape)


@pytest.mark.parametrize(("shape", "outputs"), [((2, 3, 1, 1), 3), ((2, 3), 3), ((6,), 3)])
def test_axes_of_length_one_are_dropped(shape: tuple[int, ...], outputs: int) -> None:
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(LogitsOf(Answer(*shape), outputs)(x), x.mean((2, 3)))


class ByName(nn.Module):
    def forward(self, input_ids: Tensor | None = None, pixel_values: Tensor | None = None) -> Tensor:
        assert input_ids is None
        assert pixel_values is not None
        return pixel_values.mean((2, 3))


class ByKeyword(nn.Module):
    def forward(self, *, image: Tensor) -> Tensor:
        return image.mean((2, 3))


@pytest.mark.parametrize("model", [ByName(), ByKeyword(), Answer(2, 3)])
def test_images_are_passed_by_the_name_they_have(model: nn.Module) -> None:
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(LogitsOf(model, 3)(x), x.mean((2, 3)))
