"""What docs/your-model.md tells people to type runs as it stands: one session of bash, one service."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_readme import ROOT

PAGE = (ROOT / "docs" / "your-model.md").read_text()
BLOCKS = re.findall(r"```(python|sh)\n(.*?)```", PAGE, re.DOTALL)
LIBRARIES = ("timm", "transformers", "monai")
MODELS = ("eyes", "bark", "skin", "cells", "fern", "moss")

SHIM = '#!/bin/sh\nexec {command} "$@"\n'

END = "trap 'code=$?; kill $(jobs -p); wait; exit $code' EXIT"
"""The service ends with the session."""


def test_all_five_cases_are_on_the_page() -> None:
    text = "\n".join(block for _, block in BLOCKS)
    assert re.findall(r"fovea models add (\w+)", text) == ["eyes", "eyes", *MODELS[1:]]
    assert re.findall(r"model=(\w+)", text) == ["eyes", "eyes", *MODELS[1:]]


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="curl and bash are needed")
def test_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    for library in LIBRARIES:
        pytest.importorskip(library)
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    port = free_port()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session(port)],
        cwd=tmp_path,
        env=environment(tmp_path, port),
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    answers, reloads = spoken(done.stdout)
    assert [answer["model"]["name"] for answer in answers] == ["eyes", "eyes", *MODELS[1:]]
    assert {answer["status"] for answer in answers} == {"ok"}
    assert answers[0]["model"]["weights_sha256"] != answers[1]["model"]["weights_sha256"]
    changes = [
        {part: found for part, found in one.items() if found and part not in {"at", "unchanged"}} for one in reloads
    ]
    added = [{"added": [model]} for model in MODELS[1:]]
    assert changes == [{"changed": ["eyes"]}, *added, {"removed": ["bark"]}]
    assert "fovea serve --registry models" in done.stdout
    assert "│ fern" in done.stdout
    assert "│ bark" not in done.stdout


def session(port: int) -> str:
    """The commands of the page. Files that the page shows are written where it shows them."""
    lines = [END]
    for kind, block in BLOCKS:
        if kind == "python":
            name = block.splitlines()[0].removeprefix("# ")
            lines.append(f"cat > {name} <<'END-OF-FILE'\n{block}END-OF-FILE")
        else:
            lines.append(block.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    text = "\n".join(lines).replace("PYTHONPATH=$PWD", f"PYTHONPATH=$PWD:{ROOT}")
    return re.sub(r"^(curl .*)$", r"\1 --fail-with-body; echo", text, flags=re.MULTILINE)


def environment(folder: Path, port: int) -> dict[str, str]:
    """`fovea` and `python` are those of the tests, and nothing else is configured."""
    programs = folder / "programs"
    programs.mkdir()
    for name, command in {"python": sys.executable, "fovea": f"{sys.executable} -m service"}.items():
        (programs / name).write_text(SHIM.format(command=command))
        (programs / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOVEA_")}
    given = {
        "FOVEA_DATA_DIR": str(folder / "data"),
        "FOVEA_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "FOVEA_ENGINE": "torch",
    }
    return kept | given | {"OMP_NUM_THREADS": "1", "PATH": f"{programs}:{os.environ['PATH']}"}


def free_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


def spoken(output: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The answers about images and the reports of reloads among the lines of the session."""
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [one for one in found if "model" in one], [one for one in found if "unchanged" in one]
