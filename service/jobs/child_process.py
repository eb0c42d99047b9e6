"""A long computation in a process of its own, so that cancelling is killing, and its memory is not ours."""

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

from service import errors
from service.errors import FoveaError, JobFailed
from service.images.workers import KEPT_VARIABLES
from service.jobs.queue import ReportProgress

COMMAND = (sys.executable, "-P", "-W", "ignore", "-m", "service.jobs.child_main")
THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
Result = TypeVar("Result")


async def run_in_child(function: str, arguments: Mapping[str, Any], threads: int, told: ReportProgress) -> bytes:
    """What a function returns that runs in a child process of the lowest priority.

    function: `module:name`; takes arguments (a JSON object) and a callback for progress and stage, and returns bytes.
    threads: it may use. Raises what the function raises of `service.errors`, and JobFailed where the process dies.
    Cancelled, the process is gone before this ends.
    """
    with tempfile.TemporaryDirectory(prefix="fovea-") as scratch:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, function, stdin=PIPE, stdout=PIPE, env=_environment(threads, scratch), cwd=scratch
        )
        try:
            return await _heard(process, json.dumps(arguments).encode() + b"\n", told)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            if process.stdin is not None:
                process.stdin.close()


async def run_to_end(call: Callable[[], Result]) -> Result:
    """A blocking call on another thread that, once begun, is waited for even where its caller is cancelled."""
    running = asyncio.ensure_future(asyncio.to_thread(call))
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():
                raise
    return running.result()


async def _heard(process: Process, question: bytes, told: ReportProgress) -> bytes:
    """The child says lines of JSON; the last one announces the bytes behind it."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("a child needs a pipe in and a pipe out")
    try:
        process.stdin.write(question)
        await process.stdin.drain()  # and it stays open: the child ends when it closes, whatever happens to us
        while line := await process.stdout.readline():
            said = json.loads(line)
            if "error" in said:
                raise _error(said["error"], said["detail"])
            if "bytes" in said:
                return await process.stdout.readexactly(said["bytes"])
            told(said["progress"], said["stage"])
    except (EOFError, ConnectionError, ValueError):
        pass  # it died while it spoke
    raise JobFailed(_last_words(await process.wait()))


def _error(name: str, detail: str) -> FoveaError:
    kind = getattr(errors, name, JobFailed)
    return kind(detail) if isinstance(kind, type) and issubclass(kind, FoveaError) else JobFailed(detail)


def _last_words(status: int) -> str:
    if status == -signal.SIGKILL:
        return "the computing process was killed from outside, as systems do where memory runs out; try fewer images"
    if status < 0:
        return f"the computing process crashed ({signal.Signals(-status).name})"
    return f"the computing process ended without a result (status {status}); the service's log has the reason"


def _environment(threads: int, scratch: str) -> dict[str, str]:
    """Keys and tokens stay here; compiled code of the libraries is kept for no longer than the process.

    Threads that spin while they wait for one another take, on a busy machine, ten times as long as those that sleep.
    """
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    places = dict.fromkeys(("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "HOME", "TMPDIR"), scratch)
    threaded = dict.fromkeys(THREADED, str(threads)) | {"OMP_WAIT_POLICY": "PASSIVE"}
    return kept | threaded | places | {"PYTHONPATH": path}
