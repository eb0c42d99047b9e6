"""What went wrong inside a network, in plain words: sentences of PyTorch help only those who wrote the code."""

from __future__ import annotations

import linecache
import re
import traceback
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from service.images.frame import Frame
from service.models.entry import Entry

CHANNELS = get_args(Frame.model_fields["channels"].annotation)
"""Numbers of channels that a frame can give."""

SIZE_NAMES = ("image_size", "img_size", "input_size")
"""Attributes in which networks keep the size that they require, an integer or two of them."""

BY_TORCH = re.compile(r"^\w+\(\)( received an invalid combination of arguments|: argument '| expected )")
"""How PyTorch's C++ code begins the text of a TypeError."""

LOGGED = "within PyTorch, which the log has"

TORCH = str(Path(torch.__file__).parent)


def own_words(error: BaseException) -> str:
    """The kind of an exception, and its text where the code that raised it is not PyTorch's.

    A function of PyTorch that is written in C++ raises on the line that calls it, which is no `raise` statement.
    """
    kind = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, (ImportError, AttributeError, TypeError)) and not BY_TORCH.match(str(error)):
        return f"{kind}: {error}"
    raised = bool(frames) and linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip().startswith("raise")
    if not raised or frames[-1].filename.startswith(TORCH):
        return f"{'an' if kind[0] in 'AEIO' else 'a'} {kind} {LOGGED}"
    return f"{kind}: {error}"


@torch.no_grad()
def failed_forward(model: nn.Module, entry: Entry, x: Tensor, error: Exception) -> str:
    """Why a network cannot take the entry's input x [N, C, H, W], and what to change."""
    if any(isinstance(module, nn.Conv3d) for module in model.modules()):
        return "the network takes volumes (it has 3-D convolutions), and Fovea serves images"
    place, given = _innermost(model, x)
    size = " x ".join(map(str, x.shape[1:]))
    frame = f"[models.{entry.name}.frame]"
    if place is not None and (reason := _wrong_channels(*place, given, x, frame)):
        return reason
    if required := _required_size(model, (x.shape[2], x.shape[3])):
        height, width = required
        return (
            f"the network takes images of {height} x {width} pixels, as it says itself, and the entry's frame gives"
            f" {x.shape[2]} x {x.shape[3]}; write size = [{height}, {width}] under {frame}"
        )
    if place is None:
        reason = own_words(error)
        remedy = f"; write the size and channels it was trained on under {frame}" * reason.endswith(LOGGED)
        return f"the network cannot take one batch of images, {size}: {reason}{remedy}"
    name, module = place
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


def _wrong_channels(name: str, module: nn.Module, given: Tensor | None, x: Tensor, frame: str) -> str:
    """Why a convolution cannot take what it is given; empty where its number of channels is not the reason."""
    if not isinstance(module, nn.Conv2d) or given is None or module.in_channels == given.shape[1]:
        return ""
    takes = f"{module.in_channels} channel{'s' * (module.in_channels != 1)}"
    if given.shape[1:] != x.shape[1:]:
        return f"convolution {name!r} takes {takes} and is given {given.shape[1]}; correct the network"
    return (
        f"the network takes images of {takes} (its first convolution, {name!r}, says so), and the entry's frame"
        f" gives {x.shape[1]}; {_other_channels(module.in_channels, frame)}"
    )


def _other_channels(takes: int, frame: str) -> str:
    """What to do about an image of another number of channels than the network takes."""
    if takes not in CHANNELS:
        known = " or ".join(map(str, CHANNELS))
        return f"Fovea gives images of {known} channels: build the network for one of them"
    numbers = "one number" if takes == 1 else "three numbers"
    return f"write channels = {takes}, with {numbers} in mean and std, under {frame}"


def _required_size(model: nn.Module, given: tuple[int, int]) -> tuple[int, int] | None:
    """Height and width that a network says it requires, where they are not those given."""
    for module in model.modules():
        for name in SIZE_NAMES:
            size = getattr(module, name, None)
            size = (size, size) if isinstance(size, int) else size
            if isinstance(size, (tuple, list)) and len(size) == 2 and all(isinstance(side, int) for side in size):
                return None if tuple(size) == given else (size[0], size[1])
    return None


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
