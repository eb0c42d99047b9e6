"""Where the channels of a network's tensors lie: [N, C, h, w] or [N, h, w, C], tokens [N, L, D] or [N, D, L].

Convolutions, batch normalisations and poolings have the channels first, linear layers and layer normalisations last.
What they are applied to and what they give is known; from there it follows through additions, activations and
permutations in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from service.models.tracing.operations import name_of
from service.models.tracing.recording import Call, Recording, Ref, at, leaves

FIRST_MODULES = (
    *(nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d),
    *(nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Upsample, nn.LocalResponseNorm),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d),
)
LAST_MODULES = (nn.Linear, nn.LayerNorm, nn.RMSNorm, nn.MultiheadAttention)
FIRST_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    *(F.conv1d, F.conv2d, F.conv_transpose2d, F.batch_norm, F.group_norm, F.instance_norm, F.avg_pool2d, F.max_pool2d),
    *(F.adaptive_avg_pool2d, F.adaptive_max_pool2d, F.interpolate, F.adaptive_avg_pool1d, F.pixel_unshuffle),
)
LAST_FUNCTIONS: tuple[Callable[..., Any], ...] = (F.linear, F.layer_norm, torch.layer_norm)
MOVES = {"permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "T", "mT", "t"}


def channel_axes(recording: Recording) -> dict[Ref, int]:
    """The axis of the channels of every tensor with three or four axes for which it follows."""
    axes: dict[Ref, int] = {}
    for index, call in enumerate(recording.calls):
        side, inputs = _side(call), _inputs(recording, call)
        for ref, value in _outputs(recording, index):
            axis = _forward(call, side, value, inputs, axes)
            if axis is not None:
                axes[ref] = axis
        for ref, value in inputs[:1]:
            if side is not None:
                axes.setdefault(ref, side % value.dim())
    for index in reversed(range(len(recording.calls))):
        _backward(recording, index, axes)
    return axes


def _side(call: Call) -> int | None:
    """1 where the call has its channels first, -1 where it has them last, None where it has none of its own."""
    if call.module is not None:
        if isinstance(call.module, nn.LayerNorm) and len(call.module.normalized_shape) != 1:
            return None
        return 1 if isinstance(call.module, FIRST_MODULES) else -1 if isinstance(call.module, LAST_MODULES) else None
    if any(call.function is one for one in FIRST_FUNCTIONS):
        return 1
    if not any(call.function is one for one in LAST_FUNCTIONS):
        return None
    shape = call.kwargs.get("normalized_shape", call.args[1] if len(call.args) > 1 else ())
    return None if call.function is not F.linear and len(shape) != 1 else -1


def _forward(
    call: Call, side: int | None, value: Tensor, inputs: list[tuple[Ref, Tensor]], axes: dict[Ref, int]
) -> int | None:
    if side is not None:
        return side % value.dim()
    known = [(axes[ref], one) for ref, one in inputs if ref in axes]
    if not known:
        return None
    axis, source = known[0]
    if name_of(call.function) in MOVES and call.module is None:
        return _moved(call, axis, source, value)
    same = [axis for axis, one in known if one.shape == value.shape]
    if same:
        return same[0]
    if name_of(call.function) == "flatten" and source.dim() == 4 and value.dim() == 3 and axis == 1:
        return 1 if value.shape[1] == source.shape[1] else None
    return None


def _moved(call: Call, axis: int, source: Tensor, value: Tensor) -> int | None:
    """Where a permutation puts an axis: found by permuting a tensor whose sides are all different."""
    if source.dim() != value.dim():
        return None
    marked = torch.empty(*range(2, 2 + source.dim()), device="meta")
    arguments = [marked if isinstance(leaf, Ref) else leaf for leaf in call.args]
    return list(call.function(*arguments, **call.kwargs).shape).index(axis + 2)


def _backward(recording: Recording, index: int, axes: dict[Ref, int]) -> None:
    """What is not known of a call's inputs follows from its output, where both have the same shape."""
    call = recording.calls[index]
    if _side(call) is not None or (call.module is None and name_of(call.function) in MOVES):
        return
    for out, value in _outputs(recording, index):
        for ref, one in _inputs(recording, call):
            if out in axes and one.shape == value.shape:
                axes.setdefault(ref, axes[out])


def _inputs(recording: Recording, call: Call) -> list[tuple[Ref, Tensor]]:
    refs = [leaf for _, leaf in leaves((call.args, dict(call.kwargs))) if isinstance(leaf, Ref) and leaf.call >= 0]
    found = [(ref, at(recording.results[ref.call], ref.path)) for ref in refs]
    return [(ref, value) for ref, value in found if isinstance(value, Tensor) and value.dim() in {3, 4}]


def _outputs(recording: Recording, index: int) -> Iterator[tuple[Ref, Tensor]]:
    for path, leaf in leaves(recording.results[index]):
        if isinstance(leaf, Tensor) and leaf.dim() in {3, 4}:
            yield Ref(index, path), leaf
