"""Computations in a process of their own: what they say arrives, and nothing of them outlives its purpose."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import BadParameter, FoveaError, JobFailed
from service.jobs.child_process import run_in_child, run_to_end

FUNCTIONS = "tests.jobs.child_functions:"


def nothing(progress: float, stage: str) -> None:
    pass


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


async def test_a_result_comes_back_and_so_does_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the lowest priority, with the threads it may have, without our environment, whatever libraries print."""
    monkeypatch.setenv("FOVEA_TEST_SECRET", "x")
    heard: list[tuple[float, str]] = []
    found = json.loads(await run_in_child(f"{FUNCTIONS}well", {"sent": "é"}, 2, lambda *said: heard.append(said)))
    assert found == {"nice": 19, "threads": "2", "waiting": "PASSIVE", "secret": None, "sent": "é"}
    assert heard == [(0.5, "half"), (0.75, "more")]


@pytest.mark.parametrize(
    ("function", "arguments", "kind", "words"),
    [
        ("refuse", {}, BadParameter, "what is right"),
        ("starve", {}, JobFailed, "not enough memory"),
        ("fail", {}, JobFailed, "status 1"),
        ("crash", {"signal": "SIGSEGV"}, JobFailed, "SIGSEGV"),
        ("crash", {"signal": "SIGKILL"}, JobFailed, "memory runs out"),
    ],
)
async def test_what_goes_wrong_is_said(
    function: str, arguments: dict[str, str], kind: type[FoveaError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        await run_in_child(FUNCTIONS + function, arguments, 1, nothing)


async def test_cancelled_it_is_gone_at_once(tmp_path: Path) -> None:
    file, begun = tmp_path / "pid", asyncio.Event()
    work = asyncio.create_task(run_in_child(f"{FUNCTIONS}endless", {"file": str(file)}, 1, lambda *_: begun.set()))
    await asyncio.wait_for(begun.wait(), 60)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not alive(int(file.read_text()))


PARENT = """
import asyncio, sys
from service.jobs.child_process import run_in_child
endless = "tests.jobs.child_functions:endless"
asyncio.run(run_in_child(endless, {"file": sys.argv[1]}, 1, lambda *_: print("begun", flush=True)))
"""


def test_it_does_not_outlive_a_service_that_is_killed(tmp_path: Path) -> None:
    """Fails where the child does not watch its standard input (tried)."""
    file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", PARENT, str(file)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        child = int(file.read_text())
        assert alive(child)
        os.kill(parent.pid, signal.SIGKILL)
    until(lambda: not alive(child))


async def test_what_has_begun_to_be_written_is_written() -> None:
    done: list[int] = []

    def write() -> str:
        time.sleep(0.2)
        done.append(1)
        return "written"

    writing = asyncio.create_task(run_to_end(write))
    await asyncio.sleep(0.05)
    writing.cancel()
    assert await writing == "written"
    assert done == [1]
