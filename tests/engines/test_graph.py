"""What was compiled is kept, and never believed blindly."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from service.engines import choice, graph
from service.engines.engine import Plan
from service.engines.openvino import OpenVinoEngine
from service.engines.torch import TorchEngine
from tests.engines.networks import images, plan


def test_a_second_start_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = OpenVinoEngine(plan("resnet", tmp_path, "a")).features(images(1), "layer4")
    monkeypatch.setattr(graph, "graph", _never)
    got = OpenVinoEngine(plan("resnet", tmp_path, "a")).features(images(1), "layer4")
    assert torch.equal(wanted, got)


def test_other_weights_are_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    OpenVinoEngine(plan("resnet", tmp_path, "a"))
    monkeypatch.setattr(graph, "graph", _never)
    with pytest.raises(AssertionError, match="compiled"):
        OpenVinoEngine(plan("resnet", tmp_path, "b"))


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:-100] + bytes(100), lambda b: b""])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: Any) -> None:
    wanted = OpenVinoEngine(plan("resnet", tmp_path, "a")).features(images(1), "layer4")
    (file,) = tmp_path.glob("*.blob")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    got = OpenVinoEngine(plan("resnet", tmp_path, "a")).features(images(1), "layer4")
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
    content = file.read_bytes()  # not byte for byte the first one: compiling is not that repeatable
    assert hashlib.sha256(content[graph.DIGEST :]).digest() == content[: graph.DIGEST]


def test_weights_are_held_once_and_the_file_may_go(tmp_path: Path) -> None:
    """Whether it was compiled now or before; without `release_weights` all of the file stays in memory."""
    for _ in range(2):
        engine = OpenVinoEngine(plan("resnet", tmp_path, "a"))
        engine.features(images(1), "layer4")
        (file,) = tmp_path.glob("*.blob")
        assert _resident(file) < file.stat().st_size / 20
    file.unlink()
    wanted = TorchEngine(plan("resnet")).features(images(5), "layer4")
    torch.testing.assert_close(engine.features(images(5), "layer4"), wanted, rtol=1e-3, atol=1e-4)


def _resident(file: Path) -> int:
    """Bytes of a mapped file that are in this process's memory."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    starts = [place for place, line in enumerate(lines) if str(file) in line]
    assert starts, "the file is not mapped"
    rss = [next(line for line in lines[place:] if line.startswith("Rss:")) for place in starts]
    return sum(int(line.split()[1]) for line in rss) * 1024


def test_a_file_that_openvino_refuses_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    OpenVinoEngine(plan("resnet", tmp_path, "a"))
    (file,) = tmp_path.glob("*.blob")
    graph._write(file, b"not a network")
    with caplog.at_level(logging.WARNING):
        OpenVinoEngine(plan("resnet", tmp_path, "a")).features(images(1), "layer4")
    assert "compiling it again" in caplog.text


def test_where_nothing_can_be_written_the_service_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        OpenVinoEngine(plan("resnet", tmp_path / "file", "a")).features(images(1), "layer4")
    assert "next start takes longer" in caplog.text


def test_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MAX_CACHED", 2)
    for age, name in enumerate("abc"):
        graph._write(tmp_path / f"{name}.blob", name.encode())
        os.utime(tmp_path / f"{name}.blob", (age, age))
    graph._write(tmp_path / "d.blob", b"d")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c.blob", "d.blob"]


class Strange(nn.Module):
    """An operation that OpenVINO has no name for."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.special.bessel_j0(x)


def test_what_openvino_cannot_run_torch_does() -> None:
    strange = Plan(lambda _: Strange(), "strange", (8, 8), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    engine, why = choice.build("auto", strange, "f32")
    assert engine.name == "torch"
    assert "OpenVINO cannot run" in why
    assert engine.features(torch.zeros(1, 8, 8, 3, dtype=torch.uint8), "strange").shape == (1, 3, 8, 8)


def _never(*_: object) -> None:
    raise AssertionError("compiled")
