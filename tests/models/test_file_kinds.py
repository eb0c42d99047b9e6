"""What people take for a checkpoint is named by its first bytes, and no advice of PyTorch's is passed on."""

from __future__ import annotations

import gzip
import io
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from service.errors import WeightsError
from service.models.convert import convert
from service.models.file_kinds import KINDS, other_kind
from tests.models.tiny import network, weights


def saved() -> bytes:
    buffer = io.BytesIO()
    torch.save(weights(), buffer)
    return buffer.getvalue()


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.pth"), io.BytesIO())
    return buffer.getvalue()


def arrays() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, weight=np.ones(3))
    return buffer.getvalue()


def scripted() -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(network()), buffer)
    return buffer.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

OTHERS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", ".pth", "it is empty"),
    "lfs": (lambda: LFS, ".pth", "Git LFS pointer.*git lfs pull"),
    "page": (lambda: b"<html>Quota exceeded</html>", ".pth", "a web page.*in a browser"),
    "page-with-type": (lambda: b"  \n<!DOCTYPE html><html>", ".pth", "a web page"),
    "page-in-german": (("<!doctype html>" + "\u00e4" * 600).encode, ".pth", "a web page"),
    "torchscript": (scripted, ".pt", "a TorchScript archive.*state dict"),
    "hdf5": (lambda: b"\x89HDF\r\n\x1a\n", ".h5", "Keras or HDF5"),
    "keras": (lambda: zipped("config.json", "model.weights.h5"), ".keras", "Keras"),
    "npz": (arrays, ".npz", "NumPy"),
    "cut": (lambda: saved()[: len(saved()) // 2], ".pth", "cut off.*fetch it again"),
    "zip": (lambda: zipped("model.pth", "readme.txt"), ".zip", "unpack it first"),
    "gzip": (lambda: gzip.compress(saved()), ".gz", "packed archive; unpack"),
    "tar": (tarred, ".tar", "packed archive; unpack"),
    "tflite": (lambda: b"\x1c\x00\x00\x00TFL3", ".tflite", "TensorFlow Lite"),
    "onnx": (lambda: b"\x08\x07\x12\x07pytorch\x1a\x05", ".bin", "an ONNX file"),
    "saved-model": (lambda: b"\x08\x01\x12\xff", ".pb", "a TensorFlow file"),
    "safetensors": (lambda: safetensors.torch.save(weights()), ".bin", "a safetensors file already"),
    "json": (lambda: b'{"model": "resnet"}', ".pth", "JSON"),
    "text": (lambda: b"404: Not Found", ".pth", "a text, not weights"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_another_kind_is_named(name: str, tmp_path: Path) -> None:
    content, suffix, words = OTHERS[name]
    file = tmp_path / f"a{suffix}"
    file.write_bytes(content())
    with pytest.raises(WeightsError, match=f"a{suffix} is refused: .*{words}") as caught:
        convert(file, tmp_path / "out.safetensors")
    for advice in ("weights_only", "trusted", "arbitrary code", "\x1b"):
        assert advice not in str(caught.value)
    assert not (tmp_path / "out.safetensors").exists()


def test_every_kind_is_tried(tmp_path: Path) -> None:
    said = set()
    for content, suffix, _ in OTHERS.values():
        (tmp_path / f"a{suffix}").write_bytes(content())
        said.add(other_kind(tmp_path / f"a{suffix}"))
    assert said == {words for _, words in KINDS}


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_is_of_no_other_kind(zipped: bool, tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert other_kind(tmp_path / "a.pth") == ""
