from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import threading
from pathlib import Path

import pytest
import safetensors.torch
import torch

from service.errors import WeightsError
from service.models.weights import digest, parse, read, save, write_whole
from tests.models.tiny import weights


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save(weights(), tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def test_read_gives_what_was_saved(file: Path) -> None:
    state = read(file, digest(file))
    assert state.keys() == weights().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in weights().items())


def test_digests_agree_with_each_other_and_with_hashlib(tmp_path: Path) -> None:
    path = tmp_path / "a" / "new" / "folder.safetensors"
    sha256 = save(weights(), path)
    assert sha256 == digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert save(weights(), tmp_path / "again.safetensors") == sha256


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_float_comes_as_float32(dtype: torch.dtype) -> None:
    given = {"a": torch.tensor([[0.5, -2.0]], dtype=dtype), "n": torch.tensor(3)}
    state = parse(safetensors.torch.save(given), "test")
    assert state["a"].dtype == torch.float32
    assert state["a"].tolist() == [[0.5, -2.0]]
    assert state["n"].dtype == torch.int64


def test_every_flipped_bit_is_refused(file: Path) -> None:
    sha256, data, draw = digest(file), file.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(200):
        place, bit = draw.randrange(len(data)), draw.randrange(8)
        file.write_bytes(data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :])
        with pytest.raises(WeightsError, match="is what was promised"):
            read(file, sha256)
        refused += 1
    assert refused == 200
    file.write_bytes(data)
    read(file, sha256)


def test_truncated_and_extended_files_are_refused(file: Path) -> None:
    sha256, data = digest(file), file.read_bytes()
    for wrong in (b"", data[:-1], data + b"\0", data[: len(data) // 2], data * 2):
        file.write_bytes(wrong)
        with pytest.raises(WeightsError, match="is what was promised"):
            read(file, sha256)


def test_a_file_swapped_during_loads_is_read_whole_or_refused(file: Path) -> None:
    """The digest is that of the very bytes that are parsed, so no load can mix two files."""
    sha256, good = digest(file), file.read_bytes()
    bad = safetensors.torch.save(weights(1))
    assert len(bad) == len(good)
    stop = threading.Event()

    def swap() -> None:
        draft = file.with_suffix(".draft")
        while not stop.is_set():
            for content in (bad, good):
                draft.write_bytes(content)
                draft.replace(file)
        draft.write_bytes(good)
        draft.replace(file)

    thread = threading.Thread(target=swap)
    thread.start()
    outcomes = [0, 0]
    try:
        while sum(outcomes) < 20_000 and min(outcomes) < 50:
            try:
                state = read(file, sha256)
            except WeightsError:
                outcomes[0] += 1
            else:
                assert torch.equal(state["0.weight"], weights()["0.weight"])
                outcomes[1] += 1
    finally:
        stop.set()
        thread.join()
    assert min(outcomes) >= 1, "the swap was never seen from both sides"


def header(described: object, body: bytes = b"") -> bytes:
    text = described if isinstance(described, bytes) else json.dumps(described).encode()
    return struct.pack("<Q", len(text)) + text + body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        struct.pack("<Q", 2**63),
        struct.pack("<Q", 100) + b"{}",
        header(b"not json"),
        header(b"[" * 5000),
        header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"\0" * 4),
        header({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, b"\0" * 4),
        header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}, b"\0" * 4),
        header({"a": {"dtype": "PY", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
        header({name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "ab"}, b"\0" * 4),
    ],
)
def test_what_lies_about_its_form_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "lie.safetensors").write_bytes(data)
    with pytest.raises(WeightsError, match=r"lie\.safetensors is no safetensors file: (it|its) \w+ .*; ") as caught:
        read(tmp_path / "lie.safetensors", hashlib.sha256(data).hexdigest())
    assert "deserializ" not in str(caught.value), "a sentence of the library"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_are_refused(number: float, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="'a' holds NaN or Inf"):
        parse(safetensors.torch.save({"a": torch.tensor([1.0, number])}), "test")
    with pytest.raises(WeightsError, match="'a' holds NaN or Inf"):
        save({"a": torch.tensor([1.0, number])}, tmp_path / "out.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_half_precision_is_half_the_size_and_stays_near(tmp_path: Path) -> None:
    given = {"w": torch.linspace(-3, 3, 10_000).view(100, 100), "b": torch.linspace(0, 1, 10)}
    save(given, tmp_path / "whole.safetensors")
    state = read(tmp_path / "half.safetensors", save(given, tmp_path / "half.safetensors", half=True))
    assert (tmp_path / "half.safetensors").stat().st_size < 0.52 * (tmp_path / "whole.safetensors").stat().st_size
    assert (state["w"] - given["w"]).abs().max() <= 3 * 2**-11
    assert torch.equal(state["b"], given["b"])


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "file", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WeightsError, match="No space left on device"):
        write_whole(tmp_path / "file", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_absent_files_are_told(tmp_path: Path) -> None:
    for inspection in (digest, lambda path: read(path, "0" * 64)):
        with pytest.raises(WeightsError, match=r"cannot read .*none\.safetensors: No such file"):
            inspection(tmp_path / "none.safetensors")
