"""Loading weights runs no code: pickles and archives that pose as weights, under an audit hook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.heavy
def test_nothing_that_poses_as_weights_is_run(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.models.hostile", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["files"] >= 30
    assert report["refused"] == 2 * report["files"], "each must be refused as weights and as a checkpoint"
    assert report["events"] == []
    assert report["control"] == ["os.system", "pickle.find_class"], "the hook must hear what it listens for"
    assert report["left"] == ["canary", "good.pth", "good.safetensors"], "only the control may have touched the canary"
