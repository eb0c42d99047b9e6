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

MOST_WHOLE = 40
"""Submodules without recorded insides before a network is given up."""


@dataclass(frozen=True)
class TracedPart:
    """One stage. spatial: whether its output has places: maps [N, C, h, w], or tokens [N, L, D]."""

    name: str
    module: nn.Module
    spatial: bool


def trace(model: nn.Module, run: Callable[[Tensor], Tensor], images: Tensor, layout: str | None = None) -> list[TracedPart]:
    """The stages of a network, in order; together they compute what it computes, for any number of images.

    run: calls the model, [N, C, H, W] -> logits [N, K]. images: five different ones. layout: NCHW or NHWC, for maps
    for which it does not follow from what the network does with them. A submodule that cannot be followed is one step.

    Raises UntraceableError where the network's own forward cannot be followed.
    """
    recording = recorded(model, run, images)
    axes = channel_axes(recording)
    return list(_parts(recording, axes, layout))


def recorded(model: nn.Module, run: Callable[[Tensor], Tensor], images: Tensor) -> Recording:
    """The network's calls, for any number of images. Raises as `trace` does."""
    whole: set[str] = set()
    with torch.no_grad():
        run(images[:1].clone())  # what a network computes once and remembers is there before it is recorded
    while True:
        try:
            two = record(model, run, images[: SIZES[0]].clone(), whole)
            three = record(model, run, images[SIZES[0] : sum(SIZES)].clone(), whole)
            return folded(merged(two, three))
        except UntraceableError as error:
            if not error.module or error.module in whole or len(whole) > MOST_WHOLE:
                raise
            whole.add(error.module)


def _parts(recording: Recording, axes: dict[Ref, int], layout: str | None) -> Iterator[TracedPart]:
    places = cuts(recording)
    before, last = INPUT, False
    for cut in places:
        module = build(recording, needed(recording, cut.value, before), before, cut.value)
        axis, value = _axis(recording, cut, axes, layout), at(recording.results[cut.value.call], cut.value.path)
        turned = value.dim() == 4 and axis == 3
        yield TracedPart(cut.name, Permuted(module, last, turned) if last or turned else module, axis is not None)
        before, last = cut.value, turned


def _axis(recording: Recording, cut: Cut, axes: dict[Ref, int], layout: str | None) -> int | None:
    """The axis of the channels of what has places; None for everything else."""
    value = at(recording.results[cut.value.call], cut.value.path)
    if value.dim() == 3:
        return 2 if axes.get(cut.value) == 2 else None
    if value.dim() != 4:
        return None
    return axes.get(cut.value, {"NCHW": 1, "NHWC": 3}.get(layout or "") or by_shape(tuple(value.shape[1:])))


def by_shape(shape: tuple[int, ...]) -> int | None:
    """The axis of the channels, of a map of a square image without its batch axis: the odd one out; None: unknown."""
    first, middle, last = shape
    if middle == last != first:
        return 1
    return 3 if first == middle != last else None
