"""A long computation in a child process: cancelling it kills the process, and its memory is separate from ours."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from service.errors import JobFailed, error_from_name
from service.images.workers import INHERITED_VARIABLES
from service.jobs.job import ReportProgress

COMMAND = (sys.executable, "-P", "-W", "ignore", "-m", "service.jobs.child_main")
THREAD_COUNTS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
Result = TypeVar("Result")


async def run_in_child(
    function: str, arguments: Mapping[str, Any], threads: int, report_progress: ReportProgress
) -> bytes:
    """The result of a function that runs in a child process of the lowest priority.

    function: `module:name`; it takes arguments (a JSON object) and a callback for progress and stage, and returns
    bytes. threads: how many it may use. Raises the function's own errors of `service.errors`, and JobFailed where the
    process dies. When this is cancelled, the process is gone before it returns.
    """
    with tempfile.TemporaryDirectory(prefix="fovea-") as scratch:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, function, stdin=PIPE, stdout=PIPE, env=_environment(threads, scratch), cwd=scratch
        )
        try:
            return await _exchange(process, json.dumps(arguments).encode() + b"\n", report_progress)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            if process.stdin is not None:
                process.stdin.close()


async def run_to_end(function: Callable[[], Result]) -> Result:
    """The result of a blocking call on another thread. Once started it is awaited even if its caller is cancelled."""
    running = asyncio.ensure_future(asyncio.to_thread(function))
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():
                raise
    return running.result()


async def _exchange(process: Process, arguments: bytes, report_progress: ReportProgress) -> bytes:
    """Send the arguments and read messages, one line of JSON each; the last one announces the bytes that follow it."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("a child process needs a pipe for its input and one for its output")
    try:
        process.stdin.write(arguments)
        await process.stdin.drain()  # the pipe stays open: the child exits when it closes, even if this process dies
        while line := await process.stdout.readline():
            message = json.loads(line)
            if "error" in message:
                raise error_from_name(message["error"], message["detail"])
            if "bytes" in message:
                return await process.stdout.readexactly(message["bytes"])
            report_progress(message["progress"], message["stage"])
    except (EOFError, ConnectionError, ValueError):
        pass  # the child died while it wrote
    raise JobFailed(_describe_exit(await process.wait()))


def _describe_exit(status: int) -> str:
    if status == -signal.SIGKILL:
        return "the child process was killed from outside, as systems do when memory runs out; try fewer images"
    if status < 0:
        return f"the child process crashed ({signal.Signals(-status).name})"
    return f"the child process ended without a result (status {status}); the service's log has the reason"


def _environment(threads: int, scratch: str) -> dict[str, str]:
    """Variables of the child: no keys or tokens, and caches of compiled code in a folder that goes with the process.

    OMP_WAIT_POLICY: on a busy machine, threads that spin while they wait take ten times as long as those that sleep.
    """
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    inherited = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    folders = dict.fromkeys(("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "HOME", "TMPDIR"), scratch)
    limits = dict.fromkeys(THREAD_COUNTS, str(threads)) | {"OMP_WAIT_POLICY": "PASSIVE"}
    return inherited | limits | folders | {"PYTHONPATH": path}
