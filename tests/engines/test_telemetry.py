"""OpenVINO is imported and compiles networks without a connection, a child process or a file of its own.

Each test runs a process of its own, whose audit hook records every such attempt and stops it. PyTorch is imported
before: it looks for CUDA's libraries with the help of the system's linker.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

RECORD = """
import os, sys
import torchvision

ATTEMPTS = ("socket.", "urllib.", "subprocess.", "os.fork", "os.posix_spawn", "os.exec", "os.system")
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def record(event, arguments):
    if event.startswith(ATTEMPTS):
        os.write(file, f"{event}\\n".encode())
        raise OSError(f"{event} is not allowed here")

sys.addaudithook(record)
"""

COMPILE = """
from pathlib import Path
from service.engines.openvino import OpenVinoEngine
from tests.engines.networks import images, plan

engine = OpenVinoEngine(plan("resnet", Path.home() / "cache", "a"))
assert engine.features(images(2), "layer4").shape == (2, 512, 2, 2)
"""


def attempts(script: str, home: Path) -> list[str]:
    """Names of the audit events of connections and child processes in a process that runs a script."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH"}}  # CI=1 opts out
    environment = kept | {"HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    record = home / "attempts"
    command = (sys.executable, "-c", RECORD + script, str(record))
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=300)
    return record.read_text().splitlines()


def test_importing_and_compiling_opens_no_connection_and_starts_no_process(tmp_path: Path) -> None:
    assert attempts(COMPILE, tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["attempts", "cache"]


def test_openvino_with_its_telemetry_is_caught(tmp_path: Path) -> None:
    """The same record shows what happens where the package is not blocked."""
    assert "os.fork" in attempts("import openvino", tmp_path)
    assert (tmp_path / "intel").is_dir()
