"""Stages by hand are compared with their network once; the note on disk holds for the same weights and code alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.models import assembly, families
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.models.verdict import Verdict
from tests.models.brought import CARD
from tests.models.structures import drawn


def test_a_note_holds_for_one_identity(tmp_path: Path) -> None:
    Verdict(tmp_path, "a").keep()
    assert Verdict(tmp_path, "a").known
    assert not Verdict(tmp_path, "b").known
    assert not Verdict(tmp_path / "elsewhere", "a").known


def test_a_note_is_void_when_the_stages_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Verdict(tmp_path, "a").keep()
    changed = tmp_path / "families.py"
    changed.write_text(Path(families.__file__).read_text() + "\n")
    monkeypatch.setattr(families, "__file__", str(changed))
    assert not Verdict(tmp_path, "a").known


def test_of_code_that_may_change_nothing_is_noted(tmp_path: Path) -> None:
    for verdict in (Verdict(tmp_path, ""), Verdict(None, "a")):
        verdict.keep()
        assert not verdict.known
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_note_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Verdict(tmp_path / "file", "a").keep()


def test_a_second_load_compares_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = {"resize": 32, "crop": 32}
    entry = Entry(
        name="mine", architecture="squeezenet1_1", weights="a.safetensors", sha256="0" * 64, labels=("a", "b"),
        frame=frame, card=CARD,
    )  # fmt: skip
    from service.models.architecture import architecture

    state = drawn(lambda: architecture(entry)).state_dict()
    compared: list[object] = []
    real = assembly.answers
    monkeypatch.setattr(assembly, "answers", lambda *args: compared.append(args) or real(*args))
    for _ in range(2):
        Classifier.build(entry, state, "0" * 64, "torch", cache=tmp_path)
    assert len(compared) == 1
