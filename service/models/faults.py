"""What went wrong inside a network, in plain words: sentences of PyTorch help only those who wrote the code."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from service.images.frame import Frame
from service.models.entry import Entry

TORCH = str(Path(torch.__file__).parent)


def own_words(error: BaseException) -> str:
    """The kind of an exception, and its text where the code that raised it is not PyTorch's.

    A function of PyTorch that is written in C++ raises on the line that calls it, which is no `raise` statement.
    """
    kind = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, (ImportError, AttributeError, TypeError)):
        return f"{kind}: {error}"
    raised = bool(frames) and linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip().startswith("raise")
    if not raised or frames[-1].filename.startswith(TORCH):
        return f"a {kind} within PyTorch, which the log has"
    return f"{kind}: {error}"


@torch.no_grad()
def failed_forward(model: nn.Module, entry: Entry, x: Tensor, error: Exception) -> str:
    """Why a network cannot take the entry's input x [N, C, H, W], and what to change."""
    channels, height, width = x.shape[1:]
    size = f"{channels} x {height} x {width}"
    if any(isinstance(module, nn.Conv3d) for module in model.modules()):
        return "the network takes volumes (it has 3-D convolutions), and Fovea serves images"
    place, given = _innermost(model, x)
    frame = f"[models.{entry.name}.frame]"
    if place is None:
        return f"the network cannot take one batch of images, {size}: {own_words(error)}"
    name, module = place
    if isinstance(module, nn.Conv2d) and given is not None and module.in_channels != given.shape[1]:
        takes = f"{module.in_channels} channel{'s' * (module.in_channels != 1)}"
        if given.shape[1:] != x.shape[1:]:
            return f"convolution {name!r} takes {takes} and is given {given.shape[1]}; correct the network"
        return (
            f"the network takes images of {takes} (its first convolution, {name!r}, says so), and the entry's frame"
            f" gives {channels}; {_other_channels(module.in_channels, channels, frame)}"
        )
    if isinstance(module, nn.Linear) and given is not None and module.in_features != given.shape[-1]:
        return (
            f"the network was made for images of another size than {size}: its linear layer {name!r} takes"
            f" {module.in_features} numbers and is given {given.shape[-1]}; write the size it was trained on under"
            f" {frame}"
        )
    shape = "" if given is None else f" of {' x '.join(map(str, given.shape[1:]))}"
    return (
        f"the network cannot take images of {size}: its module {name!r} ({type(module).__name__}) fails on an"
        f" input{shape} with {own_words(error)}; write the size and channels it was trained on under {frame}"
    )


def _other_channels(takes: int, gives: int, frame: str) -> str:
    """What to do about an image of another number of channels than the network takes."""
    if "channels" in Frame.model_fields:
        return f"write channels = {takes} under {frame}"
    return f"build the network for {gives} channels, each with 1/{gives} of the grey kernel"


def _innermost(model: nn.Module, x: Tensor) -> tuple[tuple[str, nn.Module] | None, Tensor | None]:
    """The submodule in which a forward fails, with its name and the first tensor it was given."""
    entered: list[tuple[tuple[str, nn.Module], Tensor | None]] = []
    handles = []
    for name, module in model.named_modules():
        if module is model:
            continue

        def enter(module: nn.Module, args: Any, kwargs: Any, name: str = name) -> None:
            tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
            entered.append(((name, module), tensors[0] if tensors else None))

        handles.append(module.register_forward_pre_hook(enter, with_kwargs=True))
        handles.append(module.register_forward_hook(lambda *_: entered.pop() and None))
    try:
        model(x)
    except Exception:  # noqa: BLE001  it is known to fail
        return entered[-1] if entered else (None, None)
    finally:
        for handle in handles:
            handle.remove()
    return None, None
