"""A network as an ordered list of named stages, so that it can be cut between any two of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from service.errors import RegistryError, UnknownName
from service.explain.heads import simplify
from service.models.families import FAMILIES


@dataclass(frozen=True)
class Stage:
    """One step of a network. Its name is also the name of the layer that cutting right after it gives.

    spatial: whether its output has places, as maps [N, C, h, w] or tokens [N, L, D]; None: as its shape says. shape: of
    its output without the batch axis, where a head behind it has to be recognised by what it computes.
    """

    name: str
    module: nn.Module
    spatial: bool | None = None
    shape: tuple[int, ...] | None = None


class Clone(nn.Identity):
    """A copy of what it is given, in front of a stage that writes to its input."""

    def forward(self, A: Tensor) -> Tensor:
        """Copy."""
        return A.clone()


def has_family(model: nn.Module) -> bool:
    """Whether a model is a torchvision classifier of a family in `FAMILIES`, with the forward of its class."""
    kind = type(model)
    hooked = model._forward_hooks or model._forward_pre_hooks
    own = "forward" in vars(model) or kind.forward.__module__ != kind.__module__
    return kind in FAMILIES and not hooked and not own


def stages(model: nn.Module, names: Sequence[str] = ()) -> tuple[Stage, ...]:
    """The stages of a model, in order.

    model: a torchvision classifier of a family in `FAMILIES`, or any module with `names` given: dotted names of
    submodules, in order, to which a flattening between a pooling and a linear layer is added. Every weight is shared
    with the model, and no activation is in place.

    Raises RegistryError where a name does not exist in the model, or the model is of no family.
    """
    if names:
        model = _not_in_place(model)
        return tuple(_flattened([(name, _submodule(model, name)) for name in names]))
    if type(model) not in FAMILIES:
        raise RegistryError(f"{type(model).__name__} is no torchvision classifier; name its stages")
    return tuple(Stage(name, module) for name, module in FAMILIES[type(model)](_not_in_place(model)))


@dataclass(frozen=True)
class Network:
    """A network that can be cut after any stage: `head(cut)(features(cut)(x))` is the model, for every cut.

    Modules are shared, never copied, never hooked and never written to.
    """

    stages: tuple[Stage, ...]

    def features(self, cut: str) -> nn.Sequential:
        """Everything up to and including stage `cut`: x [N, C, H, W] -> A. The cut named `input` is empty: A = x."""
        return nn.Sequential(*(stage.module for stage in self.stages[: self.place(cut)]))

    def head(self, cut: str) -> nn.Module:
        """Everything after stage `cut`: A -> logits [N, K]; a `PooledLinear` where it is one."""
        if cut not in self._heads:
            place = self.place(cut)
            shape = self.stages[place - 1].shape if place else None
            self._heads[cut] = simplify([stage.module for stage in self.stages[place:]], shape)
        return self._heads[cut]

    def between(self, start: str, end: str) -> nn.Sequential:
        """The stages after `start`, up to and including `end`."""
        return nn.Sequential(*(stage.module for stage in self.stages[self.place(start) : self.place(end)]))

    def shapes(self, size: int | Sequence[int]) -> dict[str, tuple[int, ...]]:
        """The shape of A without its batch axis, for every cut in order.

        size: of the input [C, H, W], or the side of a square one of three channels.
        """
        x = torch.zeros(1, *((3, size, size) if isinstance(size, int) else size))
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


def _not_in_place(module: nn.Module, made: dict[int, nn.Module] | None = None) -> nn.Module:
    """The tree of modules as objects of its own that share every tensor, with no activation in place.

    made: by the id of what it is a copy of. A deep copy takes a tenth of a second for a DenseNet-121.
    """
    made = {} if made is None else made
    if id(module) not in made:
        own = made[id(module)] = copy.copy(module)
        own._modules = {name: child and _not_in_place(child, made) for name, child in module._modules.items()}
        if getattr(own, "inplace", False):
            own.inplace = False  # type: ignore[assignment]
    return made[id(module)]


def _submodule(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        known = ", ".join(name for name, _ in model.named_children())
        raise RegistryError(f"stage {name!r} is no submodule of the model; its children are {known}") from None


def _flattened(found: list[tuple[str, nn.Module]]) -> Iterator[Stage]:
    """Named stages with the flattening that a forward does between a pooling and a linear layer."""
    for (_, before), (name, module) in zip([("", nn.Identity()), *found], found, strict=False):
        if isinstance(module, nn.Linear) and isinstance(before, (nn.AdaptiveAvgPool2d, nn.AvgPool2d)):
            yield Stage("flatten", nn.Flatten(1))
        yield Stage(name, module)
