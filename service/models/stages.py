"""A network as an ordered list of named stages, so that it can be cut between any two of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from service.errors import RegistryError, UnknownName
from service.explain.heads import simplify
from service.models.families import FAMILIES


@dataclass(frozen=True)
class Stage:
    """One step of a network. Its name is also the name of the layer that cutting right after it gives."""

    name: str
    module: nn.Module


def stages(model: nn.Module, names: Sequence[str] = ()) -> tuple[Stage, ...]:
    """The stages of a model, in order.

    model: a torchvision classifier of a family in `FAMILIES`, or any module with `names` given or whose direct
    children, applied in order, are the whole of its forward (a flattening before the first linear layer is added
    where it is missing).
    names: dotted names of submodules, in order; overrides the table.

    Raises RegistryError where a name does not exist in the model.
    """
    if names:
        found = [(name, _submodule(model, name)) for name in names]
    elif type(model) in FAMILIES:
        found = list(FAMILIES[type(model)](model))
    else:
        found = list(_flattened(model.named_children()))
    return tuple(Stage(name, _without_side_effects(module)) for name, module in found)


@dataclass(frozen=True)
class Network:
    """A network that can be cut after any stage: `head(cut)(features(cut)(x))` is the model, for every cut.

    Modules are shared, never copied, never hooked and never written to.
    """

    stages: tuple[Stage, ...]

    def features(self, cut: str) -> nn.Sequential:
        """Everything up to and including stage `cut`: x [N, 3, H, W] -> A. The cut named `input` is empty: A = x."""
        return nn.Sequential(*(stage.module for stage in self.stages[: self.place(cut)]))

    def head(self, cut: str) -> nn.Module:
        """Everything after stage `cut`: A -> logits [N, K]; a `PooledLinear` where it is one."""
        if cut not in self._heads:
            self._heads[cut] = simplify([stage.module for stage in self.stages[self.place(cut) :]])
        return self._heads[cut]

    def between(self, start: str, end: str) -> nn.Sequential:
        """The stages after `start`, up to and including `end`."""
        return nn.Sequential(*(stage.module for stage in self.stages[self.place(start) : self.place(end)]))

    def shapes(self, size: int) -> dict[str, tuple[int, ...]]:
        """The shape of A without its batch axis, for every cut in order, for a square input of `size` pixels."""
        x = torch.zeros(1, 3, size, size)
        shapes = {INPUT: tuple(x.shape[1:])}
        with torch.inference_mode():
            for stage in self.stages:
                x = stage.module(x)
                shapes[stage.name] = tuple(x.shape[1:])
        return shapes

    @cached_property
    def _heads(self) -> dict[str, nn.Module]:
        """Those asked for so far: making one takes as long as using it."""
        return {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every cut, from `input` on."""
        return (INPUT, *(stage.name for stage in self.stages))

    def place(self, cut: str) -> int:
        """How many stages lie in front of a cut. Raises UnknownName where there is no such layer."""
        if cut not in self.names:
            raise UnknownName(f"there is no layer {cut!r}; this model has {', '.join(self.names)}")
        return self.names.index(cut)


INPUT = "input"


def _submodule(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        known = ", ".join(name for name, _ in model.named_children())
        raise RegistryError(f"stage {name!r} is no submodule of the model; its children are {known}") from None


def _flattened(children: Iterator[tuple[str, nn.Module]]) -> Iterator[tuple[str, nn.Module]]:
    flat = False
    for name, module in children:
        if isinstance(module, nn.Linear) and not flat:
            yield "flatten", nn.Flatten(1)
        flat = flat or isinstance(module, (nn.Flatten, nn.Linear))
        yield name, module


def _without_side_effects(module: nn.Module) -> nn.Module:
    """An in-place activation at a cut would overwrite the A that others still use."""
    if getattr(module, "inplace", False):
        module = copy.deepcopy(module)
        module.inplace = False  # type: ignore[assignment]
    return module
