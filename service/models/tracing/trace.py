"""Any network as named stages: recorded, and cut wherever one tensor alone leads on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from service.models.tracing.batches import SIZES, folded, merged
from service.models.tracing.cuts import INPUT, Cut, cuts, needed
from service.models.tracing.layouts import channel_axes
from service.models.tracing.recorder import UntraceableError, record
from service.models.tracing.recording import Recording, Ref, at
from service.models.tracing.stage import Permuted, build

AXES = {"NCHW": 1, "NHWC": 3}
"""The axis of the channels, by what an entry calls its layout."""

MOST_WHOLE = 40
"""Submodules without recorded insides before a network is given up."""


@dataclass(frozen=True)
class TracedPart:
    """One stage. spatial: whether its output has places: maps [N, C, h, w], or tokens [N, L, D]. shape: without its
    batch axis."""

    name: str
    module: nn.Module
    spatial: bool
    shape: tuple[int, ...]


def trace(
    model: nn.Module, run: Callable[[Tensor], Tensor], images: Tensor, layout: str | None = None
) -> list[TracedPart]:
    """The stages of a network, in order; together they compute what it computes, for any number of images.

    run: calls the model, [N, C, H, W] -> logits [N, K]. images: five different ones. layout: NCHW or NHWC, for maps
    for which it does not follow from what the network does with them. A submodule that cannot be followed is one step.

    Raises UntraceableError where the network's own forward cannot be followed.
    """
    recording = recorded(model, run, images)
    return list(_parts(recording, channel_axes(recording), _Layout(layout, tuple(images.shape[2:]))))


def recorded(model: nn.Module, run: Callable[[Tensor], Tensor], images: Tensor) -> Recording:
    """The network's calls, for any number of images. Raises as `trace` does."""
    whole: set[str] = set()
    with torch.no_grad():
        run(images[:1].clone())  # what a network computes once and remembers is there before it is recorded
    while True:
        try:
            two = _recorded(model, run, images[: SIZES[0]], whole)
            three = _recorded(model, run, images[SIZES[0] : sum(SIZES)], whole)
            return folded(merged(two, three))
        except UntraceableError as error:
            if not error.module or error.module in whole or len(whole) > MOST_WHOLE:
                raise
            whole.add(error.module)


def _recorded(model: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor, whole: set[str]) -> Recording:
    """One run, with its gradient where the network has one: what is overwritten in place may have none."""
    try:
        return record(model, run, x, whole, gradient=True)
    except RuntimeError:
        return record(model, run, x, whole)


@dataclass(frozen=True)
class _Layout:
    """How to read maps for which it does not follow from the network. size: height and width of the images."""

    declared: str | None
    size: tuple[int, ...]

    def axis(self, shape: tuple[int, ...]) -> int | None:
        return AXES.get(self.declared or "") or by_shape(shape, self.size)


def _parts(recording: Recording, axes: dict[Ref, int], layout: _Layout) -> Iterator[TracedPart]:
    before, last = INPUT, False
    for cut in cuts(recording):
        module = build(recording, needed(recording, cut.value, before), before, cut.value)
        value = at(recording.results[cut.value.call], cut.value.path)
        axis = _axis(cut, value, axes, layout)
        turned = value.dim() == 4 and axis == 3
        shape = tuple((value.permute(0, 3, 1, 2) if turned else value).shape[1:])
        module = Permuted(module, last, turned) if last or turned else module
        yield TracedPart(cut.name, module, axis is not None, shape)
        before, last = cut.value, turned


def _axis(cut: Cut, value: Tensor, axes: dict[Ref, int], layout: _Layout) -> int | None:
    """The axis of the channels of what has places; None for everything else."""
    if value.dim() == 3:
        return 2 if axes.get(cut.value) == 2 else None
    if value.dim() != 4:
        return None
    axis = axes.get(cut.value) or layout.axis(tuple(value.shape[1:]))
    return axis if axis in AXES.values() else None


def by_shape(shape: tuple[int, ...], size: tuple[int, ...]) -> int | None:
    """The axis of the channels of a map, without its batch axis, where only one leaves the shape of the images.

    size: height and width of the images. A map of [7, 7, 48] of a square image has its channels last.
    """
    first, middle, last = shape
    height, width = size
    if middle * width == last * height and first * width != middle * height:
        return 1
    return 3 if first * width == middle * height and middle * width != last * height else None
