"""Where a recorded network can be cut: wherever one single tensor leads from what came before to what follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import Tensor

from service.models.tracing.operations import functional
from service.models.tracing.recording import Call, Recording, Ref, Span, at, leaves

INPUT = Ref(-1)


@dataclass(frozen=True)
class Cut:
    """A place to cut. index: of the last call in front of it. value: the one tensor that crosses it. name: its own."""

    index: int
    value: Ref
    name: str


def references(call: Call) -> list[Ref]:
    """The results that a call uses."""
    return [leaf for _, leaf in leaves((call.args, dict(call.kwargs))) if isinstance(leaf, Ref)]


def needed(recording: Recording, end: Ref, start: Ref = INPUT) -> list[int]:
    """The calls that a result needs, in order, without those that `start` needs."""
    found: set[int] = set()
    waiting = [end]
    while waiting:
        ref = waiting.pop()
        if ref != start and ref.call >= 0 and ref.call not in found:
            found.add(ref.call)
            waiting += references(recording.calls[ref.call])
    return sorted(found)


def cuts(recording: Recording) -> list[Cut]:
    """Every place to cut, in order; the last one is the answer.

    Inside a module that branches there are none: its own end is one. A cut's tensor has the images along its first
    axis, and more than that axis.
    """
    if recording.output is None:
        return []
    live = needed(recording, recording.output)
    crossing = _crossings(recording, live)
    inside = set(_inside(recording, live, crossing))
    names = _Names(recording, live)
    found = []
    for index, values in crossing.items():
        (value, *others) = values
        last = index == live[-1]
        if not others and (last or (index not in inside and _batched(recording, value))):
            found.append(Cut(index, value, names.of(index, value)))
    return found


def _crossings(recording: Recording, live: list[int]) -> dict[int, list[Ref]]:
    """For every call that depends on the image, what crosses the place behind it."""
    end = recording.output or INPUT
    last_use: dict[Ref, int] = {end: len(recording.calls)}
    for index in live:
        for ref in references(recording.calls[index]):
            if ref.call < 0 or recording.calls[ref.call].depends:
                last_use[ref] = max(index, last_use.get(ref, -1))
    found = {}
    for index in live:
        if recording.calls[index].depends:
            found[index] = [ref for ref, use in last_use.items() if ref.call <= index < use]
    return {index: values for index, values in found.items() if values}


def _batched(recording: Recording, value: Ref) -> bool:
    """Whether a tensor has the images along its first axis; recorded were two, and a size that is two for another
    reason shows when the stages are compared with the network on other numbers of images."""
    tensor = at(recording.results[value.call], value.path) if value.call >= 0 else None
    return isinstance(tensor, Tensor) and tensor.dim() >= 2 and tensor.shape[0] == 2 and tensor.is_floating_point()


def _inside(recording: Recording, live: list[int], crossing: dict[int, list[Ref]]) -> Iterator[int]:
    """Places inside modules that branch."""
    for span in recording.spans:
        mine = [index for index in live if span.start <= index < span.stop and recording.calls[index].depends]
        if len(mine) < 2:
            continue
        edges = set(mine[:-1]) - _strictly_inside_children(recording, span, mine)
        if any(len(crossing.get(index, ())) != 1 for index in edges):
            yield from mine[:-1]


def _strictly_inside_children(recording: Recording, span: Span, mine: list[int]) -> set[int]:
    """Calls of a module's children that are not the last of the child."""
    found: set[int] = set()
    for child in recording.spans:
        within = span.start <= child.start and child.stop <= span.stop and child is not span
        if within and child.path.startswith(f"{span.path}."):
            found.update(_but_last([index for index in mine if child.start <= index < child.stop]))
    return found


def _but_last(indexes: list[int]) -> Iterable[int]:
    return indexes[:-1]


class _Names:
    """Gives each cut the outermost module that ends there, or the function where none does; each name once."""

    def __init__(self, recording: Recording, live: list[int]) -> None:
        self._recording = recording
        self._used: set[str] = set()
        first, last = live[0], live[-1]
        whole = {span.path for span in recording.spans if span.start <= first and last < span.stop and len(live) > 1}
        self._ends: dict[Ref, str] = {}
        for span in recording.spans:
            if span.output is not None and span.path not in whole:
                self._ends[span.output] = span.path  # the outermost returns last

    def of(self, index: int, value: Ref) -> str:
        """The name of a cut behind a call."""
        name = self._ends.get(value) or self._function(index)
        free, count = name, 0
        while free in self._used or free == "input":
            count += 1
            free = f"{name}_{count}"
        self._used.add(free)
        return free

    def _function(self, index: int) -> str:
        call = self._recording.calls[index]
        if call.module is not None:
            return call.path
        name = functional(call)[1].strip("_")
        return f"{call.path}.{name}" if call.path else name
