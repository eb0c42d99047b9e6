"""Where the channels lie follows from what a network does with its maps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from service.models.tracing.layouts import channel_axes
from service.models.tracing.recorder import record
from service.models.tracing.recording import Ref
from service.models.tracing.trace import by_shape

CONV, LINEAR = nn.Conv2d(3, 8, 1), nn.Linear(8, 8)
Run = Callable[[Tensor], Tensor]


@pytest.mark.parametrize(
    ("run", "axis"),
    [
        (CONV, 1),
        (lambda x: CONV(x).relu() * 2, 1),
        (lambda x: CONV(x).permute(0, 2, 3, 1), 3),
        (lambda x: CONV(x).movedim(1, -1).permute(0, 3, 1, 2), 1),
        (lambda x: CONV(x).transpose(1, 2), 2),
        (lambda x: LINEAR(x.view(2, 6, 4, 8)), 3),
        (lambda x: F.layer_norm(x.view(2, 6, 4, 8), (8,)), 3),
        (lambda x: CONV(x).flatten(2), 1),
        (lambda x: CONV(x).flatten(2).mT, 2),
        (lambda x: LINEAR(CONV(x).flatten(2).transpose(1, 2)), 2),
        (lambda x: F.adaptive_avg_pool2d(x, 2), 1),
        (lambda x: x.view(2, 6, 4, 8) + 1, None),
    ],
)
def test_the_axis_of_the_channels_is_found(run: Run, axis: int | None) -> None:
    model = nn.ModuleList([CONV, LINEAR])
    found = record(model, run, torch.randn(2, 3, 8, 8))
    assert found.output is not None
    assert channel_axes(found).get(found.output) == axis


def test_it_also_follows_from_what_comes_later() -> None:
    """A sum whose only witness is the layer normalisation behind it."""
    found = record(LINEAR, lambda x: LINEAR(x.view(2, 6, 4, 8) + 1), torch.randn(2, 3, 8, 8))
    assert channel_axes(found)[Ref(1)] == 3


@pytest.mark.parametrize(
    ("shape", "size", "axis"),
    [
        ((48, 7, 7), (224, 224), 1),
        ((7, 7, 48), (224, 224), 3),
        ((7, 7, 7), (224, 224), None),
        ((48, 10, 16), (320, 512), 1),
        ((10, 16, 48), (320, 512), 3),
        ((5, 6, 7), (224, 224), None),
    ],
)
def test_a_map_has_the_shape_of_its_image(shape: tuple[int, ...], size: tuple[int, int], axis: int | None) -> None:
    assert by_shape(shape, size) == axis
