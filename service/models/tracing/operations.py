"""Functions of PyTorch as the modules that compute the same, so that methods with rules for modules meet them.

`CONVERSIONS` is the one table. What has no row stays a function: `STRUCTURE` moves numbers or adds branches up and is
a step without a module, as in the blocks of torchvision; anything else becomes a `FunctionCall`, a module that methods
with rules refuse by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from service.explain.heads import Scaling
from service.models.tracing.recording import Call, Constant, Ref, walk

STRUCTURE = {
    *("add", "radd", "sub", "cat", "concat", "concatenate", "stack"),
    *(
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "squeeze",
        "unsqueeze",
        "view_as",
        "reshape_as",
        "expand",
        "expand_as",
    ),
    *("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "contiguous", "clone", "detach", "t"),
    *("getitem", "select", "narrow", "chunk", "split", "unbind", "tensor_split", "flip", "roll"),
    *("to", "float", "type_as", "T", "mT", "data"),
}
"""Names of functions that neither weigh nor bend what they are given."""


class FunctionCall(nn.Module):
    """A function as a module without parameters. title: the function's name."""

    def __init__(self, function: Callable[..., Any], title: str) -> None:
        super().__init__()
        self.function, self.title = function, title

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)


def name_of(function: Callable[..., Any]) -> str:
    """The plain name of a function; that of a property's getter is the property's."""
    owner = getattr(function, "__self__", None)
    name: str = getattr(function, "__name__", type(function).__name__)
    return str(getattr(owner, "__name__", name)) if name == "__get__" else name


def functional(call: Call) -> tuple[Callable[..., Any], str]:
    """The function of a call in a form that writes to none of its arguments, and its plain name."""
    name = name_of(call.function)
    if call.function is Tensor.view:
        return Tensor.reshape, "view"  # the layout in memory may be another than when it was recorded
    if call.mutated is None:
        return call.function, name
    if call.kwargs.get("inplace"):
        return call.function, name
    plain = name.removeprefix("__i") if name.startswith("__i") and name.endswith("__") else name.removesuffix("_")
    twin = f"__{plain}" if plain.endswith("__") else plain
    if call.mutated == 0 and twin != name and hasattr(Tensor, twin):
        return getattr(Tensor, twin), twin.strip("_")
    return on_a_copy(call.function, call.mutated), name


def on_a_copy(function: Callable[..., Any], mutated: int) -> Callable[..., Tensor]:
    """A function that writes to one of its tensors, as one that gives a changed copy of it."""

    def changed(*args: Any, **kwargs: Any) -> Tensor:
        count = -1
        written: list[Tensor] = []

        def copied(leaf: Any) -> Any:
            nonlocal count
            count += isinstance(leaf, Tensor)
            if isinstance(leaf, Tensor) and count == mutated:
                written.append(leaf.clone())
                return written[0]
            return leaf

        given = walk((args, kwargs), copied)
        function(*given[0], **given[1])
        return written[0]

    return changed


def _conv2d(p: Mapping[str, Any]) -> nn.Module | None:
    weight, bias = _held(p["weight"]), _held(p["bias"])
    if weight is None or weight.dim() != 4 or (bias is None and p["bias"] is not None):
        return None
    groups, kernel = p["groups"], (weight.shape[2], weight.shape[3])
    layer = nn.Conv2d(
        weight.shape[1] * groups, weight.shape[0], kernel, p["stride"], p["padding"], p["dilation"], groups,
        bias=False, device="meta",
    )  # fmt: skip
    layer.weight, layer.bias = _parameter(weight), None if bias is None else _parameter(bias)
    return layer


def _linear(p: Mapping[str, Any]) -> nn.Module | None:
    weight, bias = _held(p["weight"]), _held(p["bias"])
    if weight is None or weight.dim() != 2 or (bias is None and p["bias"] is not None):
        return None
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = _parameter(weight)
    layer.bias = None if bias is None else _parameter(bias)  # type: ignore[assignment]
    return layer


def _batch_norm(p: Mapping[str, Any]) -> nn.Module | None:
    mean, var, weight, bias = (_held(p[name]) for name in ("running_mean", "running_var", "weight", "bias"))
    if mean is None or var is None or p["training"] or (weight is None) != (bias is None):
        return None
    layer = nn.BatchNorm2d(len(mean), eps=p["eps"], affine=weight is not None, device="meta").eval()
    layer.running_mean, layer.running_var, layer.num_batches_tracked = mean, var, None
    if weight is not None and bias is not None:
        layer.weight, layer.bias = _parameter(weight), _parameter(bias)
    return layer


def _mean(p: Mapping[str, Any]) -> nn.Module | None:
    """The mean over the places of maps [N, C, h, w]."""
    axes = p["dim"] if isinstance(p["dim"], (tuple, list)) else (p["dim"],)
    if any(not isinstance(axis, int) for axis in axes) or sorted(axis % 4 for axis in axes) != [2, 3] or p["dtype"]:
        return None
    pool = nn.AdaptiveAvgPool2d(1)
    return pool if p["keepdim"] else nn.Sequential(pool, nn.Flatten(1))


def _scaling(function: Callable[..., Tensor]) -> Callable[[Mapping[str, Any]], nn.Module | None]:
    def build(p: Mapping[str, Any]) -> nn.Module | None:
        other = _held(p["other"]) if isinstance(p["other"], Constant) else p["other"]
        return Scaling(function, other) if isinstance(other, (int, float, Tensor)) else None

    return build


def _plain(kind: type[nn.Module], *names: str) -> Callable[[Mapping[str, Any]], nn.Module | None]:
    return lambda p: kind(*(p[name] for name in names))


Row = tuple[tuple[Callable[..., Any], ...], Mapping[str, Any], Callable[[Mapping[str, Any]], nn.Module | None]]
POOL = {"input": None, "kernel_size": None, "stride": None, "padding": 0}

CONVERSIONS: tuple[Row, ...] = (
    ((F.relu, torch.relu, Tensor.relu, F.relu_, torch.relu_, Tensor.relu_), {"input": None, "inplace": False},
     _plain(nn.ReLU)),
    ((F.relu6,), {"input": None, "inplace": False}, _plain(nn.ReLU6)),
    ((F.conv2d,), {"input": None, "weight": None, "bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1},
     _conv2d),
    ((F.linear,), {"input": None, "weight": None, "bias": None}, _linear),
    ((F.batch_norm,), {"input": None, "running_mean": None, "running_var": None, "weight": None, "bias": None,
                       "training": False, "momentum": 0.1, "eps": 1e-5}, _batch_norm),
    ((F.adaptive_avg_pool2d,), {"input": None, "output_size": None}, _plain(nn.AdaptiveAvgPool2d, "output_size")),
    ((F.adaptive_max_pool2d,), {"input": None, "output_size": None, "return_indices": False},
     _plain(nn.AdaptiveMaxPool2d, "output_size", "return_indices")),
    ((F.avg_pool2d,), {**POOL, "ceil_mode": False, "count_include_pad": True, "divisor_override": None},
     _plain(nn.AvgPool2d, "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")),
    ((F.max_pool2d,), {**POOL, "dilation": 1, "ceil_mode": False, "return_indices": False},
     _plain(nn.MaxPool2d, "kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode")),
    ((torch.flatten, Tensor.flatten), {"input": None, "start_dim": 0, "end_dim": -1},
     _plain(nn.Flatten, "start_dim", "end_dim")),
    ((torch.mean, Tensor.mean), {"input": None, "dim": None, "keepdim": False, "dtype": None}, _mean),
    ((torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__, Tensor.mul_), {"input": None, "other": None},
     _scaling(torch.mul)),
    ((torch.div, Tensor.div, Tensor.__truediv__, Tensor.div_), {"input": None, "other": None}, _scaling(torch.div)),
)  # fmt: skip
"""Functions, their parameters with defaults, and what makes a module of the arguments (None: not of these)."""

MAPS_ALONE = (_batch_norm, _mean)
"""Those that are what they are for [N, C, h, w] alone."""


def converted(call: Call, axes: int) -> nn.Module | None:
    """The module that computes the same of the call's first argument alone; None where there is none.

    axes: how many that argument has. Parameters are shared, not copied.
    """
    for functions, parameters, build in CONVERSIONS:
        if axes != 4 and build in MAPS_ALONE:
            continue
        if any(call.function is function for function in functions) or call.function in functions:
            bound = {**parameters, **dict(zip(parameters, call.args, strict=False)), **call.kwargs}
            if len(call.args) > len(parameters) or bound.keys() != parameters.keys():
                return None
            if not isinstance(bound["input"], Ref) or call.mutated not in {None, 0}:
                return None
            return build(bound)
    return None


def _held(value: Any) -> Tensor | None:
    return value.tensor if isinstance(value, Constant) else None


def _parameter(tensor: Tensor) -> nn.Parameter:
    return tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor, requires_grad=False)
