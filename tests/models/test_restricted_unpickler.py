"""No name in a file is ever imported: objects of other classes are stood in for, and what only harms is refused."""

from __future__ import annotations

import builtins
import fractions
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from service.models.restricted_unpickler import RefusedClassError, StandIn, unpickled
from tests.models.tiny import network, weights


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.args


def read(content: Any, folder: Path, zipped: bool = True) -> Any:
    torch.save(content, folder / "a.pth", _use_new_zipfile_serialization=zipped)
    return unpickled(folder / "a.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_objects_of_other_classes_are_stood_in_for(zipped: bool, tmp_path: Path) -> None:
    found = read({"state_dict": weights(), "config": fractions.Fraction(1, 2)}, tmp_path, zipped)
    assert torch.equal(found["state_dict"]["0.weight"], weights()["0.weight"])
    assert isinstance(found["config"], StandIn)
    assert found["config"].path == "fractions.Fraction"


def test_nothing_of_the_file_is_imported(tmp_path: Path) -> None:
    (tmp_path / "only_here.py").write_text("class Thing:\n    pass\n")
    sys.path.insert(0, str(tmp_path))
    try:
        import only_here  # type: ignore[import-not-found]

        torch.save({"a": torch.ones(1), "thing": only_here.Thing()}, tmp_path / "a.pth")
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["only_here"]
    assert unpickled(tmp_path / "a.pth")["thing"].path == "only_here.Thing"
    assert "only_here" not in sys.modules


def touch(canary: str) -> None:
    Path(canary).touch()


def test_a_function_that_is_stood_in_for_is_not_called(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    found = read({"a": torch.ones(1), "b": Calls(touch, str(canary))}, tmp_path)
    assert isinstance(found["b"], StandIn)
    assert not canary.exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("call", [(subprocess.Popen, ["true"]), (builtins.eval, "1"), (builtins.exec, "1")])
def test_what_no_checkpoint_needs_is_refused_by_name(call: Any, zipped: bool, tmp_path: Path) -> None:
    with pytest.raises(RefusedClassError) as caught:
        read({"a": torch.ones(1), "b": Calls(*call)}, tmp_path, zipped)
    assert caught.value.path.split(".")[-1] == call[0].__name__


def test_a_whole_module_names_its_class(tmp_path: Path) -> None:
    assert read(network(), tmp_path).path == "torch.nn.modules.container.Sequential"


def test_what_is_allowed_for_one_file_is_not_allowed_afterwards(tmp_path: Path) -> None:
    before = set(torch.serialization.get_safe_globals())
    read({"config": fractions.Fraction(1, 2)}, tmp_path)
    assert set(torch.serialization.get_safe_globals()) == before
