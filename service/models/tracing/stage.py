"""A range of recorded calls as a module: it makes the same calls again, for any number of images and on any device."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from service.models.tracing.operations import STRUCTURE, FunctionCall, converted, functional
from service.models.tracing.recorder import is_leaf
from service.models.tracing.recording import Call, Constant, PerImage, Recording, Ref, SameDevice, at, leaves, walk


@dataclass(frozen=True)
class Held:
    """Stands for a tensor that the stage holds, by its name there."""

    name: str


@dataclass(frozen=True)
class Step:
    """One call of a stage. run: a function, or the dotted name of a submodule."""

    index: int
    run: Callable[..., Any] | str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __deepcopy__(self, memo: dict[int, Any]) -> Step:
        return self  # nothing in it ever changes


class Opaque(nn.Module):
    """A module that is called as it is, on copies, for it may write to what it is given. title: its class."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module, self.title = module, type(module).__name__

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module."""
        given = walk((args, kwargs), lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf)
        return self.module(*given[0], **given[1])


class TracedStage(nn.Module):
    """A [N, ...] -> the next A. Submodules and parameters are under the dotted names they have in the network.

    Weights are shared with the network. Nothing is written to A.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.start = self.end = Ref(-1)

    def forward(self, A: Tensor) -> Tensor:
        """Make the calls."""
        results: dict[int, Any] = {}

        def fill(leaf: Any) -> Any:
            if isinstance(leaf, Ref):
                return A if leaf == self.start else at(results[leaf.call], leaf.path)
            if isinstance(leaf, PerImage):
                return leaf.of(A.shape[0])
            if isinstance(leaf, Held):
                return self.get_parameter_or_buffer(leaf.name)
            return A.device if isinstance(leaf, SameDevice) else leaf

        for step in self.steps:
            run = self.get_submodule(step.run) if isinstance(step.run, str) else step.run
            results[step.index] = run(*walk(step.args, fill), **walk(step.kwargs, fill))
        output: Tensor = fill(self.end)
        return output

    def get_parameter_or_buffer(self, name: str) -> Tensor:
        """A tensor of the stage itself, by name."""
        tensor = self._parameters.get(name)
        return tensor if tensor is not None else self._buffers[name]  # type: ignore[return-value]


def build(recording: Recording, indexes: Iterable[int], start: Ref, end: Ref) -> nn.Module:
    """The calls of these indexes as a module from `start` to `end`; one module alone is given as it is."""
    stage = TracedStage()
    stage.start, stage.end = start, end
    hold = _Holder(stage)
    for index in indexes:
        call = recording.calls[index]
        function, name = functional(call)
        module, args, kwargs = _as_module(recording, call, function, name)
        run: Any = function if module is None else _placed(stage, _path(call, name), module)
        stage.steps.append(Step(index, run, walk(args, hold), walk(kwargs, hold)))
    return _single(stage) or stage


def _as_module(
    recording: Recording, call: Call, function: Callable[..., Any], name: str
) -> tuple[nn.Module | None, tuple[Any, ...], dict[str, Any]]:
    """What a call is as a submodule and what that is called with; None where it stays a function."""
    args, kwargs = call.args, dict(call.kwargs)
    if call.module is not None:
        return (_private(call.module) if is_leaf(call.module) else Opaque(call.module)), args, kwargs
    module = converted(call, _axes(recording, call))
    if module is not None:
        return module, (args[0] if args else kwargs["input"],), {}
    if name.strip("_") in STRUCTURE or not call.depends:
        return None, args, kwargs
    return FunctionCall(function, name), args, kwargs


def _private(module: nn.Module) -> nn.Module:
    """The module as an object of its own that shares every weight; an activation is not in place."""
    own = copy.copy(module)
    if getattr(own, "inplace", False):
        own.inplace = False  # type: ignore[assignment]
    return own


def _axes(recording: Recording, call: Call) -> int:
    """How many axes the first tensor of a call has."""
    first = next((leaf for _, leaf in leaves((call.args, call.kwargs)) if isinstance(leaf, Ref)), None)
    if first is None or first.call < 0:
        return 4
    value = at(recording.results[first.call], first.path)
    return value.dim() if isinstance(value, Tensor) else 0


def _path(call: Call, name: str) -> str:
    if call.module is not None:
        return call.path
    return f"{call.path}.{name.strip('_')}" if call.path else name.strip("_")


class _Holder:
    """Puts the tensors of a call's arguments into the stage, each once, and gives what stands for them."""

    def __init__(self, stage: TracedStage) -> None:
        self._stage = stage

    def __call__(self, leaf: Any) -> Any:
        if not isinstance(leaf, Constant):
            return leaf
        tensor = leaf.tensor
        held = {**self._stage._parameters, **self._stage._buffers}
        name = next((name for name, one in held.items() if one is tensor), f"constant{len(held)}")
        if name not in held:
            if isinstance(tensor, nn.Parameter):
                self._stage.register_parameter(name, tensor)
            else:
                self._stage.register_buffer(name, tensor.detach(), persistent=False)
        return Held(name)


def _placed(stage: nn.Module, path: str, module: nn.Module) -> str:
    """Put a submodule under its dotted name, or under the next free one; gives the name."""
    *parents, name = path.split(".")
    holder = stage
    for parent in parents:
        if parent not in holder._modules:
            holder.add_module(parent, nn.Module())
        holder = holder._modules[parent]  # type: ignore[assignment]
    free, count = name, 0
    while free in holder._modules or hasattr(holder, free):
        count += 1
        free = f"{name}_{count}"
    holder.add_module(free, module)
    return ".".join([*parents, free])


def _single(stage: TracedStage) -> nn.Module | None:
    """The module itself where the stage is one call of one module on A."""
    if len(stage.steps) != 1:
        return None
    step = stage.steps[0]
    if isinstance(step.run, str) and step.args == (stage.start,) and not step.kwargs and stage.end == Ref(step.index):
        return stage.get_submodule(step.run)
    return None


class Permuted(nn.Module):
    """A module that takes or gives maps with channels last, between maps [N, C, h, w]."""

    def __init__(self, module: nn.Module, takes: bool, gives: bool) -> None:
        super().__init__()
        self.module, self.takes, self.gives = module, takes, gives

    def forward(self, A: Tensor) -> Tensor:
        """Move the channels last where the module takes them there, and first where it gives them last."""
        out: Tensor = self.module(A.permute(0, 2, 3, 1) if self.takes else A)
        return out.permute(0, 3, 1, 2) if self.gives else out
