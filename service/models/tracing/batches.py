"""Two recordings, of two images and of three others, as one that holds for any number of images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from service.models.tracing.recorder import UntraceableError
from service.models.tracing.recording import Call, Constant, PerImage, Recording, Ref, SameDevice, at, leaves, walk

SIZES = (2, 3)
"""Numbers of images that are recorded."""


def merged(two: Recording, three: Recording) -> Recording:
    """The recording of two images with every number that depends on their number as `PerImage`.

    Raises UntraceableError where the network calls other functions for another number of images, or uses a tensor that
    differs between the runs although no recorded call made it.
    """
    if len(two.calls) != len(three.calls) or two.output != three.output:
        raise UntraceableError("its forward does other things for another number of images, or for another image")
    calls = [_call(*pair) for pair in zip(two.calls, three.calls, strict=True)]
    return Recording(calls, two.results, two.spans, two.output)


def _call(two: Call, three: Call) -> Call:
    if (two.path, two.mutated) != (three.path, three.mutated) or not _same_function(two, three):
        raise UntraceableError("its forward does other things for another number of images, or for another image")
    args, kwargs = _merge(two.args, three.args, two.path), _merge(two.kwargs, three.kwargs, two.path)
    return replace(two, args=args, kwargs=kwargs)


def _same_function(two: Call, three: Call) -> bool:
    if two.module is not None or three.module is not None:
        return two.module is three.module
    return two.function == three.function or _name(two.function) == _name(three.function) != ""


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", "")


def _merge(two: Any, three: Any, path: str) -> Any:
    others = leaves(three)
    if [where for where, _ in leaves(two)] != [where for where, _ in others]:
        raise UntraceableError("its forward does other things for another number of images", path)
    rest = iter(others)
    return walk(two, lambda leaf: _leaf(leaf, next(rest)[1], path))


def _leaf(two: Any, three: Any, path: str) -> Any:
    if isinstance(two, torch.device):
        return SameDevice()
    if isinstance(two, Constant) and isinstance(three, Constant):
        return _constant(two, three)
    if type(two) is int and type(three) is int and two != three:
        factor = three - two
        return PerImage(factor, two - factor * SIZES[0])
    if type(two) is not type(three) or (two is not three and not _equal(two, three)):
        raise UntraceableError("its forward depends on the number of images", path)
    return two


def _constant(two: Constant, three: Constant) -> Constant:
    a, b = two.tensor, three.tensor
    if a is b or (a.shape == b.shape and a.dtype == b.dtype and bool(torch.equal(a, b))):
        return two
    where = f"module {two.path!r}" if two.path else "its forward"
    raise UntraceableError(f"{where} computes something that is no function of PyTorch", two.path)


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except Exception:  # noqa: BLE001  whatever a user's object does when it is compared, it is not equal
        return False


def varies(calls: list[Call]) -> list[bool]:
    """Of each call, whether its result depends on the number of images without depending on the images."""
    found: list[bool] = []
    for call in calls:
        parts = [leaf for _, leaf in leaves((call.args, call.kwargs))]
        grows = any(
            isinstance(leaf, PerImage) or (isinstance(leaf, Ref) and leaf.call >= 0 and found[leaf.call])
            for leaf in parts
        )
        found.append(not call.depends and grows)
    return found


def folded(recording: Recording) -> Recording:
    """The same with every result that depends on nothing but the weights as a `Constant`.

    A matrix computed from weights counts as a weight itself.
    """
    calls, grows = recording.calls, varies(recording.calls)
    made: dict[Ref, Constant] = {}
    learned: list[bool] = []
    for call in calls:
        parts = [leaf for _, leaf in leaves((call.args, call.kwargs))]
        learned.append(any(_learned(leaf, learned) for leaf in parts))

    def fold(leaf: Any) -> Any:
        if not isinstance(leaf, Ref) or leaf.call < 0 or calls[leaf.call].depends or grows[leaf.call]:
            return leaf
        if leaf not in made:
            value: Tensor = at(recording.results[leaf.call], leaf.path)
            if learned[leaf.call] and value.is_floating_point() and value.dim() > 1:
                value = nn.Parameter(value.detach(), requires_grad=False)
            made[leaf] = Constant(value, calls[leaf.call].path)
        return made[leaf]

    changed = [replace(call, args=walk(call.args, fold), kwargs=walk(dict(call.kwargs), fold)) for call in calls]
    return replace(recording, calls=changed)


def _learned(leaf: Any, learned: list[bool]) -> bool:
    if isinstance(leaf, Constant):
        return isinstance(leaf.tensor, nn.Parameter)
    return isinstance(leaf, Ref) and leaf.call >= 0 and learned[leaf.call]
