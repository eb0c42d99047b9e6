"""Run as a program: offers files that try to run code to everything that reads weights, under an audit hook.

Prints one JSON object: files offered, how many were refused, and every event that must not happen.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from service.errors import WeightsError
from service.models.convert import convert
from service.models.weights import read

FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.",
    "pickle.find_class",
    "ctypes.dlopen",
)


class Call:
    """Unpickles as a call of anything."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


class State:
    """Unpickles as an object whose state is set by code."""

    def __setstate__(self, state: dict[str, str]) -> None:
        os.system(state["command"])

    def __getstate__(self) -> dict[str, str]:
        return {"command": COMMAND}


COMMAND = f"touch {sys.argv[1]}/canary"


def payloads() -> list[Any]:
    """Objects whose unpickling would run something."""
    code = f"open({sys.argv[1] + '/canary'!r}, 'w')"
    return [
        Call(os.system, COMMAND),
        Call(eval, code),
        Call(exec, code),
        Call(__import__, "antigravity"),
        Call(os.execv, "/bin/touch", ["touch", f"{sys.argv[1]}/canary"]),
        Call(open, f"{sys.argv[1]}/canary", "w"),
        State(),
    ]


def saved(content: Any, **how: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **how)
    return buffer.getvalue()


def archive(members: dict[str, bytes], kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as packed:
            for name, data in members.items():
                packed.writestr(name, data)
    else:
        with tarfile.open(fileobj=buffer, mode="w") as packed_tar:
            for name, data in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                packed_tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    """Everything that is offered, by a name that says what it is."""
    offered: dict[str, bytes] = {}
    for number, payload in enumerate(payloads()):
        offered[f"pickle {number}"] = pickle.dumps(payload)
        offered[f"torch {number}"] = saved({"weight": torch.ones(2), "more": payload})
        offered[f"old torch {number}"] = saved({"weight": payload}, _use_new_zipfile_serialization=False)
    evil = pickle.dumps(payloads()[0])
    offered |= {f"protocol {n}": pickle.dumps({"state_dict": payloads()[0]}, protocol=n) for n in range(6)}
    offered["zip of a pickle"] = archive({"archive/data.pkl": evil, "archive/version": b"3\n"}, "zip")
    offered["zip with paths that climb"] = archive({"../../canary": b"x", "archive/data.pkl": evil}, "zip")
    offered["script archive"] = archive(
        {"a/constants.pkl": evil, "a/data.pkl": evil, "a/version": b"3\n", "a/code/x.py": b"import os"}, "zip"
    )
    offered["tar of pickles"] = archive({"storages": evil, "tensors": evil, "pickle": evil}, "tar")
    offered["gzip"] = gzip.compress(evil)
    offered["whole module"] = saved(nn.Linear(1, 1))
    offered["pickle behind a header"] = struct.pack("<Q", 2) + b"{}" + evil
    offered["header that is a pickle"] = struct.pack("<Q", len(evil)) + evil
    offered["shared object"] = b"\x7fELF" + b"\0" * 60
    offered["python"] = b"import os; os.system('true')"
    return offered


def refused(read_it: Callable[[], object]) -> bool:
    try:
        read_it()
    except WeightsError:
        return True
    return False


def main() -> None:
    folder = Path(sys.argv[1])
    good = folder / "good.pth"
    torch.save({"weight": torch.ones(2)}, good)
    convert(good, folder / "good.safetensors")  # everything that is needed is imported before the hook listens
    offered = files()
    events: list[str] = []
    sys.addaudithook(lambda event, _: events.append(event) if event.startswith(FORBIDDEN) else None)
    count = 0
    for name, data in offered.items():
        file = folder / f"{name}.safetensors"
        file.write_bytes(data)
        count += refused(lambda: read(file, hashlib.sha256(data).hexdigest()))  # noqa: B023
        count += refused(lambda: convert(file, folder / "out.safetensors"))  # noqa: B023
        file.unlink()
    heard = list(events)
    pickle.loads(offered["pickle 0"])  # the hook and the canary do work
    report = {
        "files": len(offered),
        "refused": count,
        "events": heard,
        "control": sorted(set(events)),
        "left": sorted(path.name for path in folder.iterdir()),
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
