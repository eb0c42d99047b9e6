"""Every function with a module of its own gives the same as that module, and shares its weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from service.explain.heads import Scaling
from service.models.tracing.operations import CONVERSIONS, converted, functional, name_of
from service.models.tracing.recorder import record
from service.models.tracing.recording import Call, leaves

GENERATOR = torch.Generator().manual_seed(0)
WEIGHT = nn.Parameter(torch.randn(6, 2, 3, 3, generator=GENERATOR))
MATRIX = nn.Parameter(torch.randn(5, 8, generator=GENERATOR))
BIAS, MEAN, VAR = (torch.rand(size, generator=GENERATOR) + 0.5 for size in (6, 4, 4))
COLUMN = MEAN[:, None, None]
Run = Callable[[Tensor], Tensor]

RUNS: dict[str, tuple[type[nn.Module], Run]] = {
    "relu": (nn.ReLU, F.relu),
    "relu-in-place": (nn.ReLU, lambda x: F.relu(x, inplace=True)),
    "relu_": (nn.ReLU, lambda x: x.relu_()),
    "relu6": (nn.ReLU6, F.relu6),
    "conv2d": (nn.Conv2d, lambda x: F.conv2d(x, WEIGHT, BIAS, stride=2, padding=1, groups=2)),
    "conv2d-without-bias": (nn.Conv2d, lambda x: F.conv2d(x, WEIGHT, groups=2, dilation=(1, 2))),
    "linear": (nn.Linear, lambda x: F.linear(x, MATRIX)),
    "batch-norm": (nn.BatchNorm2d, lambda x: F.batch_norm(x, MEAN, VAR, MEAN, VAR, eps=1e-3)),
    "adaptive-average": (nn.AdaptiveAvgPool2d, lambda x: F.adaptive_avg_pool2d(x, (2, 1))),
    "adaptive-maximum": (nn.AdaptiveMaxPool2d, lambda x: F.adaptive_max_pool2d(x, 2)),
    "average": (nn.AvgPool2d, lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    "maximum": (nn.MaxPool2d, lambda x: F.max_pool2d(x, 3, stride=2, ceil_mode=True)),
    "flatten": (nn.Flatten, lambda x: torch.flatten(x, 1)),
    "flatten-method": (nn.Flatten, lambda x: x.flatten(start_dim=2)),
    "mean": (nn.Sequential, lambda x: x.mean((-1, -2))),
    "mean-with-axes": (nn.AdaptiveAvgPool2d, lambda x: torch.mean(x, dim=[2, 3], keepdim=True)),
    "product": (Scaling, lambda x: x * 0.5),
    "product-turned": (Scaling, lambda x: 3 * x),
    "quotient": (Scaling, lambda x: x / COLUMN),
}


def called(run: Run) -> tuple[Call, Tensor, Tensor]:
    x = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    found = record(nn.Identity(), run, x.clone())
    call = found.calls[-1]
    return call, x, found.results[-1]


@pytest.mark.parametrize("name", RUNS)
def test_a_function_is_the_module_that_computes_the_same(name: str) -> None:
    kind, run = RUNS[name]
    call, x, result = called(run)
    module = converted(call, 4)
    assert type(module) is kind
    torch.testing.assert_close(module(x), result)
    given = {leaf.tensor.data_ptr() for _, leaf in leaves((call.args, dict(call.kwargs))) if hasattr(leaf, "tensor")}
    assert all(weight.data_ptr() in given for weight in module.parameters())


def test_every_row_is_tried() -> None:
    functions = {function for row in CONVERSIONS for function in row[0]}
    tried = {called(run)[0].function for _, run in RUNS.values()}
    for row in CONVERSIONS:
        assert any(one in tried for one in row[0]), row[0]
    assert tried <= functions


@pytest.mark.parametrize(
    "run",
    [
        lambda x: x * x,
        lambda x: x.mean(),
        lambda x: x.mean((1, 2)),
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: F.linear(x, x[0, 0, :1]),
        lambda x: x.sigmoid(),
    ],
)
def test_what_a_module_would_compute_otherwise_stays_a_function(run: Run) -> None:
    assert converted(called(run)[0], 4) is None


def test_means_over_places_are_means_over_places_of_maps_alone() -> None:
    call, _, _ = called(lambda x: x.mean((-1, -2)))
    assert converted(call, 3) is None


@pytest.mark.parametrize("run", [lambda x: x.add_(2), lambda x: x.clamp_(min=0), lambda x: x.copy_(x * 3)])
def test_what_writes_to_its_argument_gives_a_changed_copy(run: Run) -> None:
    call, x, result = called(run)
    function, _ = functional(call)
    before = x.clone()
    rest = [leaf if not hasattr(leaf, "call") or leaf.call < 0 else x * 3 for leaf in call.args[1:]]
    torch.testing.assert_close(function(x, *rest, **call.kwargs), result)
    assert torch.equal(x, before)


def test_plain_names() -> None:
    assert name_of(Tensor.T.__get__) == "T"
    assert name_of(torch.relu) == "relu"
    assert functional(called(lambda x: x.mul_(2))[0])[1] == "mul"
    assert functional(called(lambda x: x.view(2, -1))[0])[0] is Tensor.reshape
