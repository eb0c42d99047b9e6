"""Run a network once and record what it calls.

`torch.fx` and `torch.export` replace `nn.Module.__call__` for the whole process while they trace, which would reach
into the answers that other threads compute meanwhile. A `TorchFunctionMode` belongs to one thread, and the hooks here
are set on a network that nobody else uses yet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction
from torch.overrides import TorchFunctionMode

from service.models.tracing.recording import Call, Constant, Recording, Ref, Span, leaves, walk

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
LEAVES = ("torch.nn.modules.", "torchvision.ops.stochastic_depth")
"""Where modules come from whose insides are not recorded: one call of theirs is one step."""

READERS = {
    *("item", "tolist", "numpy", "__array__", "equal", "allclose", "is_nonzero", "__contains__"),
    *("__bool__", "__int__", "__float__", "__index__", "__complex__"),
}
"""Functions that turn values of a tensor into Python objects, on which a program can decide."""


class UntraceableError(Exception):
    """The network cannot be recorded; the text says why, in plain words.

    module: dotted name of the innermost module whose insides are the reason, "" for the network's own forward; None
    where keeping a module whole would not help.
    """

    def __init__(self, reason: str, module: str | None = None) -> None:
        super().__init__(reason)
        self.module = module


def record(
    model: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor, whole: Collection[str] = (), gradient: bool = False
) -> Recording:
    """What `run(x)`, which calls the model, consists of. x [N, C, H, W].

    whole: dotted names of submodules whose insides are not recorded. gradient: also find functions with a backward pass
    of their own, which the calls within them do not have. Raises UntraceableError, and whatever the model raises.
    """
    with torch.set_grad_enabled(gradient):
        x = x.clone().requires_grad_(gradient).clone()  # a network may write to it, and not to a leaf
        recorder = _Recorder(model, x, whole)
        with recorder.hooks(model), recorder:
            output = run(x)
    recorder.recording.output = recorder.known(output)
    if recorder.recording.output is None:
        raise UntraceableError("the answer does not come from functions of PyTorch that can be followed", "")
    return recorder.recording


@dataclass
class _Frame:
    """A submodule that is being called. quiet: its insides are not recorded. versions: of the tensors it was given."""

    path: str
    start: int
    quiet: bool
    versions: list[int]


class _Recorder(TorchFunctionMode):
    """Names every tensor by the call that made it; `versions` finds those that were written to behind its back."""

    def __init__(self, model: nn.Module, x: Tensor, whole: Collection[str]) -> None:
        super().__init__()
        self.recording = Recording()
        self._whole = whole
        self._held = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
        self._refs: dict[
            int, tuple[Tensor, Ref | Constant, int]
        ] = {}  # the tensor is held, so that its id stays its own
        self._of_modules: set[int] = set()  # tensors that a module kept whole gave
        self._frames: list[_Frame] = []
        self._name(x, Ref(-1))

    def known(self, value: Any) -> Ref | None:
        """The reference of a tensor that a recorded call made."""
        found = self._refs.get(id(value))
        return found[1] if found and isinstance(found[1], Ref) else None

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function, and record the call where it made a tensor or wrote to one."""
        kwargs = kwargs or {}
        if self._quiet:
            return func(*args, **kwargs)
        tensors = _tensors((args, kwargs))
        versions = _versions(tensors)
        if getattr(func, "__name__", "") in READERS:
            self._read(func, tensors)
        result = func(*args, **kwargs)
        self._record(func, (tuple(args), kwargs), tensors, versions, result)
        return result

    def _read(self, func: Callable[..., Any], tensors: list[Tensor]) -> None:
        if any(self._depends(self._refer(*pair)) for pair in zip(tensors, _versions(tensors), strict=True)):
            raise UntraceableError(
                f"{self._place} reads values of the image ({func.__name__}), so that it may compute something else for"
                " another image",
                self._path,
            )

    def _record(
        self, func: Callable[..., Any], given: Any, tensors: list[Tensor], versions: list[int], result: Any
    ) -> None:
        written = [index for index, one in enumerate(tensors) if one._version != versions[index]]
        made = any(id(one) not in map(id, tensors) for one in _tensors(result))
        if not written and not made:
            return
        arguments = self._arguments(given, tensors, versions)
        if written:
            if len({id(tensors[index]) for index in written}) > 1:
                raise UntraceableError(f"{self._place} writes to several tensors at once", self._path)
            if id(tensors[written[0]]) in self._held:
                raise UntraceableError(f"{self._place} writes to its own parameters or buffers when it answers")
            self._add(func, arguments, tensors[written[0]], mutated=written[0])
        else:
            self._add(func, arguments, result)

    def _add(self, func: Callable[..., Any], arguments: Any, result: Any, path: str | None = None, **more: Any) -> None:
        refs = [leaf for _, leaf in leaves(arguments) if isinstance(leaf, Ref)]
        calls = self.recording.calls
        depends = any(self._depends(ref) for ref in refs)
        args, kwargs = arguments
        calls.append(Call(func, self._path if path is None else path, args, kwargs, depends=depends, **more))
        self.recording.results.append(result)
        for where, leaf in leaves(result):
            if isinstance(leaf, Tensor):
                self._name(leaf, Ref(len(calls) - 1, where))

    def _name(self, tensor: Tensor, ref: Ref) -> None:
        self._refs[id(tensor)] = (tensor, ref, _versions([tensor])[0])

    def _arguments(self, given: Any, tensors: list[Tensor], versions: list[int]) -> Any:
        """What a call was given, by the references from before it; versions: of the tensors, from before it."""
        before = {id(one): version for one, version in zip(tensors, versions, strict=True)}
        return walk(given, lambda leaf: self._refer(leaf, before[id(leaf)]) if isinstance(leaf, Tensor) else leaf)

    def _refer(self, tensor: Tensor, version: int) -> Ref | Constant:
        """A tensor as a reference to the call that made it, or as a constant where no call did."""
        if id(tensor) not in self._refs:
            self._refs[id(tensor)] = (tensor, Constant(tensor, self._path), version)
        _, ref, named = self._refs[id(tensor)]
        if id(tensor) not in self._of_modules and _has_own_backward(tensor):
            raise UntraceableError(f"{self._place} uses a function with a backward pass of its own", self._path)
        if named != version and not self._depends(ref):
            return Constant(tensor.clone(), self._path)  # its value until it is written to again
        if named != version:
            raise UntraceableError(f"{self._place} writes to a tensor through a view of it", self._path)
        return ref

    def _depends(self, ref: Any) -> bool:
        return isinstance(ref, Ref) and (ref.call < 0 or self.recording.calls[ref.call].depends)

    @property
    def _quiet(self) -> bool:
        return bool(self._frames) and self._frames[-1].quiet

    @property
    def _path(self) -> str:
        return self._frames[-1].path if self._frames else ""

    @property
    def _place(self) -> str:
        return f"the forward of module {self._path!r}" if self._path else "its forward"

    @contextmanager
    def hooks(self, model: nn.Module) -> Iterator[None]:
        """While this lasts, the recorder is told of every call of a submodule."""
        names = {module: name for name, module in model.named_modules() if module is not model}
        quiet = {module for module, name in names.items() if name in self._whole or is_leaf(module)}

        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            self._enter(names[module], module in quiet, _tensors((args, kwargs)))

        def leave(module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
            self._leave(module, (args, kwargs), result)

        handles: list[Any] = []
        try:
            for module in names:
                handles.append(module.register_forward_pre_hook(enter, with_kwargs=True, prepend=True))
                handles.append(module.register_forward_hook(leave, with_kwargs=True))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, path: str, quiet: bool, tensors: list[Tensor]) -> None:
        versions = [] if self._quiet else _versions(tensors)
        self._frames.append(_Frame(path, len(self.recording.calls), quiet or self._quiet, versions))

    def _leave(self, module: nn.Module, given: tuple[Any, Any], result: Any) -> None:
        frame = self._frames.pop()
        if self._quiet:
            return
        if frame.quiet:
            self._add_module(module, frame, given, result)
        elif any(self.known(one) is None or _has_own_backward(one) for one in _tensors(result)):
            reason = f"module {frame.path!r} computes something that is no function of PyTorch"
            raise UntraceableError(reason, frame.path)
        stop, outputs = len(self.recording.calls), _tensors(result)
        output = self.known(outputs[0]) if len(outputs) == 1 else None
        self.recording.spans.append(Span(frame.path, frame.start, stop, output))

    def _add_module(self, module: nn.Module, frame: _Frame, given: tuple[Any, Any], result: Any) -> None:
        tensors = _tensors(given)
        if _tensors(result):
            arguments = self._arguments(given, tensors, frame.versions)
            self._add(module, arguments, result, path=frame.path, module=module)
            self._of_modules.update(map(id, _tensors(result)))


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is one of PyTorch's own, unchanged, so that calling it is one step."""
    if isinstance(module, CONTAINERS) or not type(module).__module__.startswith(LEAVES):
        return False
    return "forward" not in vars(module) and not module._forward_hooks and not module._forward_pre_hooks


def _has_own_backward(tensor: Tensor) -> bool:
    """Whether a tensor comes out of a user's `torch.autograd.Function`."""
    with torch._C.DisableTorchFunction():
        return isinstance(tensor.grad_fn, BackwardCFunction)


def _versions(tensors: list[Tensor]) -> list[int]:
    """How often each tensor has been written to."""
    with torch._C.DisableTorchFunction():
        return [tensor._version for tensor in tensors]


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for _, leaf in leaves(value) if isinstance(leaf, Tensor)]
