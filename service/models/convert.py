"""A .pth file into safetensors, without running what it holds."""

from __future__ import annotations

from pathlib import Path

from service.errors import WeightsError
from service.models.checkpoint import Checkpoint, found
from service.models.file_kinds import other_kind
from service.models.restricted_unpickler import RefusedClassError, unpickled
from service.models.weights import State, save

REMEDY = "where it was made, save the state dict, torch.save(model.state_dict(), path), and convert that"


def convert(source: Path, out: Path, *, half: bool = False, key: str = "") -> str:
    """Convert a PyTorch checkpoint to a safetensors file, and give the new file's sha256.

    half: store tensors of two or more axes in half precision. key: where in the checkpoint the weights lie, in dots.
    Raises WeightsError where the file holds no state dict, or cannot be read.
    """
    return save(read_checkpoint(source, key).state, out, half=half)


def unpickle(source: Path) -> State:
    """The state dict of a .pth file, unwrapped, with plain names. Raises as `read_checkpoint` does."""
    return read_checkpoint(source).state


def read_checkpoint(source: Path, key: str = "") -> Checkpoint:
    """The weights in a checkpoint, and what else lies in it. Nothing in it is run.

    Raises WeightsError that says what the file is where it is none, or holds none.
    """
    if words := other_kind(source):
        raise WeightsError(f"{source.name} is refused: {words}")
    try:
        content = unpickled(source)
    except RefusedClassError as error:
        reason = (
            f"reading it would run {error.path}"
            if error.path
            else "it is no PyTorch file of dense tensors, or it is damaged"
        )
        raise WeightsError(f"{source.name} is refused: {reason}; {REMEDY}") from error
    return found(content, source.name, key)
