"""Commands of the service in processes of their own that start at once: forked from one that has imported everything.

Python, torch and the web framework take five seconds of CPU to import, and tests start dozens of servers. The process
that is forked has only imported: it has no threads, no network and no settings. A child is real in everything else:
it has its own process id, takes signals, and dies by them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "service.cli.main",
        "service.cli.serve",
        "service.cli.collections",
        "service.api.app",
        "service.api.server.draining",
        "service.runtime.inference_service",
        "service.engines.torch",
        "tests.forked",
    ]
)


class ForkedCommand:
    """`fovea ARGUMENTS` in a process of its own, with the methods of subprocess.Popen. Its warnings are ignored.

    output: the file that standard output and standard error are written to. variables: added to the environment.
    """

    def __init__(self, arguments: list[str], output: Path, variables: Mapping[str, str] | None = None) -> None:
        environment = os.environ | dict(variables or {})
        self._process = CONTEXT.Process(target=_run, args=(arguments, str(output), environment))
        self._process.start()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, -N after the signal N; None while the process runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit status, or None while the process runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once the process has ended. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("fovea", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _run(arguments: list[str], output: str, environment: dict[str, str]) -> None:
    """Be the command: its arguments, environment and standard streams; exits as it does."""
    with Path(output).open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["fovea", *arguments]
    warnings.simplefilter("ignore")

    from service.cli.main import app

    app()
