"""One run of a network as values: which functions and modules were called, on which results of earlier calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Ref:
    """A tensor that a call returned. call: its index, -1 for the network's input. path: where in a tuple or dict."""

    call: int
    path: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Constant:
    """A tensor that no recorded call made: a parameter, a buffer, or any other tensor that the network holds.

    path: the module whose forward used it first.
    """

    tensor: Tensor
    path: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.tensor is other.tensor

    def __hash__(self) -> int:
        return id(self.tensor)


@dataclass(frozen=True)
class PerImage:
    """A whole number that grows with the number of images N: factor · N + offset."""

    factor: int
    offset: int = 0

    def of(self, images: int) -> int:
        """The number for so many images."""
        return images if (self.factor, self.offset) == (1, 0) else images * self.factor + self.offset


class SameDevice:
    """Stands for the device of the stage's input, wherever the network names the device it was traced on."""

    def __repr__(self) -> str:
        return "SameDevice()"


@dataclass(frozen=True)
class Call:
    """One call of a function or of a module without recorded insides.

    function: what was called; a module where `module` is set. path: dotted name of the module it happened in, or of the
    called module. args, kwargs: nested tuples, lists and dicts of `Ref`, `Constant`, `PerImage` and plain values.
    mutated: position, among the tensors in args and kwargs, of the one that was written to; None where none was.
    depends: whether the result depends on the image.
    """

    function: Callable[..., Any]
    path: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    module: nn.Module | None = None
    mutated: int | None = None
    depends: bool = True


@dataclass(frozen=True)
class Span:
    """One call of a submodule. path: its dotted name. start, stop: the range of recorded calls it made.

    output: what it returned, where that is one tensor.
    """

    path: str
    start: int
    stop: int
    output: Ref | None


@dataclass
class Recording:
    """One run. results: what each call returned. spans: submodules in the order in which they returned."""

    calls: list[Call] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    output: Ref | None = None


def walk(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same nesting of tuples, lists, dicts and slices with `change` applied to each leaf."""
    if isinstance(value, slice):
        return slice(*(walk(part, change) for part in (value.start, value.stop, value.step)))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(walk(part, change) for part in value))
    if isinstance(value, (tuple, list)):
        return (list if isinstance(value, list) else tuple)(walk(part, change) for part in value)
    if isinstance(value, dict):
        return {key: walk(part, change) for key, part in value.items()}
    return change(value)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every leaf of a nesting with the path of indexes and keys that leads to it, in the order of `walk`."""
    if isinstance(value, slice):
        parts: Any = enumerate((value.start, value.stop, value.step))
    elif isinstance(value, (tuple, list)):
        parts = enumerate(value)
    elif isinstance(value, dict):
        parts = value.items()
    else:
        return [(path, value)]
    return [leaf for key, part in parts for leaf in leaves(part, (*path, key))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """The part of a nesting that a path leads to."""
    for key in path:
        value = value[key]
    return value
