"""One recording from two: what grows with the number of images, what does not, and what must not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from service.models.tracing.batches import folded, merged
from service.models.tracing.recorder import UntraceableError, record
from service.models.tracing.recording import Constant, PerImage, Recording, Ref, leaves
from tests.models.structures import squashed

Run = Callable[[Tensor], Tensor]


def both(run: Run, model: nn.Module | None = None) -> Recording:
    generator = torch.Generator().manual_seed(0)
    two, three = (torch.randn(count, 3, 4, 4, generator=generator) for count in (2, 3))
    model = model or nn.Identity()
    return folded(merged(record(model, run, two), record(model, run, three)))


def numbers(recording: Recording) -> list[object]:
    return [leaf for call in recording.calls for _, leaf in leaves(call.args) if isinstance(leaf, (int, PerImage))]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (lambda x: x.view(x.shape[0], -1), [PerImage(1), -1]),
        (lambda x: x.reshape(len(x) * 2, 24), [PerImage(2), 24]),
        (lambda x: x.reshape(-1, 48), [-1, 48]),
        (lambda x: torch.zeros(x.size(0) + 1, 2)[1:] + x.mean((1, 2, 3))[:, None], [PerImage(1, 1), 2]),
    ],
)
def test_sizes_that_grow_with_the_images_are_found(run: Run, expected: list[object]) -> None:
    assert numbers(both(run))[: len(expected)] == expected


def test_a_number_for_so_many_images() -> None:
    assert PerImage(1).of(5) == 5
    assert PerImage(4, -1).of(3) == 11


@pytest.mark.parametrize(
    "run",
    [
        lambda x: x * 2 if len(x) == 2 else x + 1,
        lambda x: x * (1.0 / len(x)),
        lambda x: torch.cat(list(x.split(1))),
    ],
)
def test_what_does_other_things_for_another_number_of_images_is_refused(run: Run) -> None:
    with pytest.raises(UntraceableError, match="number of images"):
        both(run)


def test_what_depends_on_weights_alone_is_computed_once() -> None:
    layer = nn.Linear(4, 4)
    found = both(lambda x: x @ (layer.weight * 2).T, layer)
    (product,) = [call for call in found.calls if call.depends]
    constant = product.args[1]
    assert isinstance(constant, Constant)
    assert isinstance(constant.tensor, nn.Parameter), "tests of sanity shuffle what was learned"
    torch.testing.assert_close(constant.tensor.data, 2 * layer.weight.T.data)


def test_a_tensor_that_nobody_knows_the_origin_of_is_refused() -> None:
    with pytest.raises(UntraceableError, match="no function of PyTorch"):
        both(lambda x: squashed(x) * 2)


def test_the_result_is_that_of_the_first_recording() -> None:
    assert both(lambda x: x.relu() + 1).output == Ref(1)
