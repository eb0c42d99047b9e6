"""A .pth file into safetensors, without running what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from service.errors import WeightsError
from service.models.weights import State, save

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts keep the weights in a checkpoint."""

PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""


def convert(source: Path, out: Path, *, half: bool = False) -> str:
    """Convert a PyTorch checkpoint to a safetensors file, and give the new file's sha256.

    half: store tensors of two or more axes in half precision.
    Raises WeightsError where the file holds anything but tensors, or cannot be read.
    """
    return save(unpickle(source), out, half=half)


def unpickle(source: Path) -> State:
    """The state dict of a .pth file, unwrapped, with plain names.

    The file is read by torch's restricted unpickler, which knows how to rebuild tensors and nothing else.

    Raises WeightsError where the file holds anything but tensors, or cannot be read.
    """
    try:
        content = torch.load(source, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"cannot read {source}: {error.strerror or error}") from error
    except Exception as error:  # a hostile file can make the unpickler raise anything
        raise WeightsError(
            f"{source.name} is refused: it is no PyTorch file of plain tensors ({_first_line(error)})."
            " Save a state dict, torch.save(model.state_dict(), path), and convert that"
        ) from error
    return _plain(_tensors(content, source.name))


def _tensors(content: Any, name: str) -> State:
    while wrappers := _wrappers(content):
        content = content[wrappers[0]]
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{name} holds a {type(content).__name__}, not a state dict of named tensors")
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise WeightsError(f"{name} is no state dict: {key!r} is a {type(value).__name__}, not a tensor")
    return dict(content)


def _wrappers(content: Any) -> list[str]:
    if not isinstance(content, Mapping):
        return []
    return [wrapper for wrapper in WRAPPERS if isinstance(content.get(wrapper), Mapping)]


def _plain(state: State) -> State:
    for prefix in PREFIXES * 2:  # either may stand before the other
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    return state


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
