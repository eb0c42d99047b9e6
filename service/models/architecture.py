"""The network of an entry, with fresh weights: built, and taken out of what wraps it."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torchvision
from torch import nn
from torch.optim.swa_utils import AveragedModel

from service.errors import RegistryError
from service.models.entry import Entry
from service.models.faults import own_words
from service.models.libraries import library, library_network

WRAPPERS: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.DataParallel, "module"),
    (nn.parallel.DistributedDataParallel, "module"),
    (AveragedModel, "module"),
)
"""Modules that only pass on to another, and the attribute that has it."""

_imported: WeakKeyDictionary[ModuleType, tuple[Path, str]] = WeakKeyDictionary()
"""Module of a user's builder -> its file, and the sha256 of this when it was imported: Python imports it only once."""

QUANTISED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.nn.quantized")


def outputs(entry: Entry) -> int:
    """How many logits the entry's labels need."""
    return 1 if entry.activation == "single-logit" else len(entry.labels)


def architecture(entry: Entry) -> nn.Module:
    """The entry's network: a torchvision builder by name, one of `LIBRARIES`, or `package.module:function`.

    Raises RegistryError where there is no such builder, it fails, or it gives what cannot be cut into stages.
    """
    place = f"model {entry.name!r}: architecture {entry.architecture!r}"
    try:
        model = _build(entry)
    except RegistryError as error:
        raise RegistryError(f"{place}: {error}") from error
    except Exception as error:  # a user's own builder may raise anything
        raise RegistryError(f"{place} cannot be built: {own_words(error)}{_remedy(entry, error)}") from error
    if not isinstance(model, nn.Module):
        raise RegistryError(f"{place} gives a {type(model).__name__}, not a torch.nn.Module")
    model = unwrapped(model)
    if reason := _refusal(model):
        raise RegistryError(f"{place} {reason}")
    return model


def unwrapped(model: nn.Module) -> nn.Module:
    """The network within DataParallel, AveragedModel or torch.compile, whose submodules are not compiled either."""
    while True:
        inner = next((attribute for kind, attribute in WRAPPERS if isinstance(model, kind)), None)
        if inner is None and not _is_compiled(model):
            break
        model = getattr(model, inner or "_orig_mod")
    for module in list(model.modules()):
        module._compiled_call_impl = None  # what `module.compile()` sets
        for name, child in list(module.named_children()):
            if _is_compiled(child):
                setattr(module, name, child._orig_mod)
    return model


def _is_compiled(module: nn.Module) -> bool:
    return isinstance(getattr(module, "_orig_mod", None), nn.Module)


def _build(entry: Entry) -> Any:
    if ":" not in entry.architecture:
        arguments = {"num_classes": outputs(entry), **entry.arguments}
        return torchvision.models.get_model(entry.architecture, weights=None, **arguments)
    if library(entry.architecture):
        channels = entry.frame.channels
        return library_network(entry.architecture, outputs(entry), channels, entry.arguments)
    name, function = entry.architecture.split(":", 1)
    importlib.invalidate_caches()  # the file may be new
    module = importlib.import_module(name)
    if changed_code(entry):
        raise RegistryError(f"{name} has changed since it was imported; restart Fovea to use the new code")
    _remember(module)
    return getattr(module, function)(**entry.arguments)


def changed_code(entry: Entry) -> bool:
    """Whether the file of the entry's own builder has changed since this process imported it."""
    module = sys.modules.get(entry.architecture.split(":", 1)[0])
    if ":" not in entry.architecture or not isinstance(module, ModuleType) or module not in _imported:
        return False
    file, digest = _imported[module]
    return _digest(file) not in {digest, ""}


def _remember(module: object) -> None:
    if isinstance(module, ModuleType) and module.__file__ and module not in _imported:
        _imported[module] = Path(module.__file__), _digest(Path(module.__file__))


def _digest(file: Path) -> str:
    """Of the content of a file; empty where it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _remedy(entry: Entry, error: Exception) -> str:
    package = entry.architecture.split(":", 1)[0]
    if isinstance(error, ImportError) and library(entry.architecture):
        return f"; install it: pip install 'fovea[{package}]'"
    if isinstance(error, ImportError):
        return f"; install it, or put the folder of {package.split('.', 1)[0]} on PYTHONPATH"
    return ""


def _refusal(model: nn.Module) -> str:
    """Why a module cannot be served; empty where it can."""
    if isinstance(model, torch.jit.ScriptModule):
        return (
            "gives a TorchScript module, which has no Python forward to cut into stages; name the function that builds"
            " the network itself, and convert its state dict"
        )
    for name, module in model.named_modules():
        if type(module).__module__.startswith(QUANTISED):
            return (
                f"gives a quantised network (module {name!r} is a quantised {type(module).__name__}), and"
                " gradients need floats; name the function that builds the float network, and take its weights"
            )
    return ""
