"""Weights on disk: safetensors only, and only with the sha256 that was promised. Reading them runs no code."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from service.errors import WeightsError

State = dict[str, Tensor]

log = logging.getLogger(__name__)

_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def digest(path: Path) -> str:
    """The sha256 of a file, 64 hex digits. Raises WeightsError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error


def read(path: Path, sha256: str) -> State:
    """The tensors of a safetensors file; float tensors come as float32, all finite.

    The file is read once, and the very bytes that were hashed are the bytes that are parsed: a file swapped in
    between cannot slip through.

    Raises WeightsError where the file cannot be read, has another digest, is no safetensors file, or holds NaN or Inf.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        raise WeightsError(f"{path.name} has sha256 {found}, but {sha256} is what was promised")
    return parse(data, path.name)


def parse(data: bytes, name: str) -> State:
    """The tensors of safetensors bytes, as `read` gives them; `name` is for the error text."""
    try:
        state = safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        log.info("%s cannot be read as safetensors: %s", name, error)
        raise WeightsError(f"{name} is no safetensors file: {_likely_kind(data)}") from error
    return {key: _float32(key, tensor, name) for key, tensor in state.items()}


def _likely_kind(data: bytes) -> str:
    """What bytes that are no safetensors file are instead, and what to do."""
    if data.startswith(_PICKLES):
        return "it looks like a PyTorch pickle, see `fovea models convert`"
    length = int.from_bytes(data[:8], "little")
    if data[8:9] == b"{" and length > len(data) - 8:
        return "it is cut short within its header; copy or download it again"
    if data[8:9] == b"{":
        return (
            "its header does not describe what follows, as in a file that is cut short or has tensors of a type that"
            " PyTorch lacks; copy or download it again, or write it anew with `fovea models convert`"
        )
    return "it does not begin as one does; give the file that `fovea models convert` wrote"


def save(state: Mapping[str, Tensor], path: Path, *, half: bool = False) -> str:
    """Write tensors to a safetensors file, whole or not at all, and give its sha256.

    Tensors that share memory are written once each. Floats are written as float32, but with `half` those of two or
    more axes as float16 (biases and normalisation figures keep their precision).

    Raises WeightsError where a tensor is not dense, not finite, or too large for float16, or the disk refuses.
    """
    data = safetensors.torch.save({key: _storable(key, tensor, half) for key, tensor in state.items()})
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in place in one step: a reader sees the old content or the new, never a part.

    Raises WeightsError where the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(0o644)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WeightsError(f"cannot write {path}: {error.strerror}") from error


def _float32(key: str, tensor: Tensor, name: str) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    tensor = tensor.float()
    if not torch.isfinite(tensor).all():
        raise WeightsError(f"{name}: tensor {key!r} holds NaN or Inf; such weights give no answer worth having")
    return tensor


def _storable(key: str, tensor: Tensor, half: bool) -> Tensor:
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.is_meta:
        raise WeightsError(f"tensor {key!r} is not a dense tensor of plain numbers")
    tensor = tensor.detach().cpu()
    if not tensor.is_floating_point():
        return tensor.clone(memory_format=torch.contiguous_format)
    wide = tensor.float()
    stored = wide.half() if half and tensor.ndim >= 2 else wide
    if not torch.isfinite(stored).all():
        reason = "is too large for half precision" if torch.isfinite(wide).all() else "holds NaN or Inf"
        raise WeightsError(f"tensor {key!r} {reason}")
    return stored.clone(memory_format=torch.contiguous_format)
