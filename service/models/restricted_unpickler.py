"""A checkpoint's content, read by torch's restricted unpickler, which rebuilds tensors and calls nothing else.

Checkpoints hold more than weights: arguments of the training script, numbers of NumPy, paths. Where the unpickler asks
for such a class it gets a `StandIn`, which takes whatever it is given and does nothing. No name of the file is ever
imported.
"""

from __future__ import annotations

import pickle
import re
import threading
from pathlib import Path
from typing import Any

import torch

MOST = 64
"""Classes without a meaning here in one file."""

RUNS = {
    *("os", "posix", "nt", "sys", "subprocess", "shutil", "socket", "runpy", "importlib", "ctypes", "pty", "code"),
    "commands",  # what protocol 2 calls subprocess, as Python 2 did
}
RUNS_BUILTIN = {"eval", "exec", "compile", "__import__", "open", "input"}
"""Modules and functions that no checkpoint needs: a file that names one is meant to do harm."""

_ASKED = re.compile(r"GLOBAL ([\w.]+)")
_reading = threading.Lock()  # the list of names is PyTorch's, and one for the process


class StandIn:
    """An object of a class that is not loaded. path: the name of the class."""

    path = ""

    def __new__(cls, *_: Any, **__: Any) -> StandIn:
        """Take any arguments."""
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        """Hold what the object held."""
        self.state = state


class RefusedClassError(Exception):
    """The file would have to run something. path: its name, or empty where it is not even that."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def unpickled(source: Path) -> Any:
    """What a checkpoint holds, with a `StandIn` for every object but tensors, containers, numbers and texts.

    Raises RefusedClassError where it asks for something that must not even be stood in for, or cannot be read.
    """
    stand_ins = {path: _stand_in(path) for path in _asked_for(source)}
    while True:
        try:
            with _reading, torch.serialization.safe_globals([(kind, path) for path, kind in stand_ins.items()]):
                return torch.load(source, map_location="cpu", weights_only=True)
        except Exception as error:  # a hostile file can make the unpickler raise anything
            asked = _ASKED.search(str(error)) if isinstance(error, pickle.UnpicklingError) else None
            path = asked.group(1) if asked else ""
            if not path or path in stand_ins or len(stand_ins) >= MOST:
                raise RefusedClassError(path) from error
            stand_ins[path] = _stand_in(path)


def _asked_for(source: Path) -> list[str]:
    """The classes that a file asks for, without reading its tensors; none where that takes reading it."""
    try:
        return torch.serialization.get_unsafe_globals_in_checkpoint(source)[:MOST]
    except Exception:  # noqa: BLE001  an old format, or a hostile file
        return []


def _stand_in(path: str) -> type[StandIn]:
    """Raises RefusedClassError where no checkpoint has a use for the name."""
    module, _, name = path.rpartition(".")
    if module.split(".")[0] in RUNS or (module in {"builtins", "__builtin__"} and name in RUNS_BUILTIN):
        raise RefusedClassError(path)
    return type("StandIn", (StandIn,), {"path": path})
