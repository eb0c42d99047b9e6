"""A job as a value: what is to be done, how far it is, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from service.errors import FoveaError

State = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True)
class Failure:
    """Why a job has no result. error: name of a class in `service.errors`. detail: its text."""

    error: str
    detail: str


@dataclass(frozen=True)
class Job:
    """One piece of long work.

    id: 16 hexadecimal digits. kind: which function does it. subject: what it works on. parameters: of its kind, JSON
    values. progress: 0 to 1. stage: the current step, in words. created, started, finished: seconds since 1970.
    result: the name of what it made, once it is done. error: why there is no result.
    """

    id: str
    kind: str
    subject: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    state: State = "waiting"
    progress: float = 0.0
    stage: str = "waiting"
    created: float = 0.0
    started: float | None = None
    finished: float | None = None
    result: str | None = None
    error: Failure | None = None

    def start(self) -> Job:
        """The job as it begins to run."""
        return replace(self, state="running", stage="starting", started=time.time())

    def advance(self, progress: float, stage: str) -> Job:
        """The job with new progress, which never falls and never exceeds 1."""
        return replace(self, progress=min(max(progress, self.progress), 1.0), stage=stage)

    def complete(self, result: str) -> Job:
        """The job with its result."""
        return replace(self._end("done", "done"), progress=1.0, result=result)

    def cancel(self, stage: str = "cancelled") -> Job:
        """The job as a client has cancelled it."""
        return self._end("cancelled", stage)

    def fail(self, error: FoveaError) -> Job:
        """The job with the error that ended it."""
        return replace(self._end("failed", "failed"), error=Failure(type(error).__name__, str(error)))

    def interrupt(self) -> Job:
        """The job as a service that stopped has left it."""
        failure = Failure("JobFailed", "the service stopped while this job was running; submit it again")
        return replace(self._end("interrupted", "interrupted"), error=failure)

    def _end(self, state: State, stage: str) -> Job:
        return replace(self, state=state, stage=stage, finished=time.time())


ReportProgress = Callable[[float, str], None]
"""Takes progress, 0 to 1, and the current step in words. Must be called on the event loop."""

JobFunction = Callable[[Job, ReportProgress], Awaitable[str]]
"""Does a job and returns its result. When it is cancelled, it stops at once and leaves nothing behind."""


def ignore_progress(progress: float, stage: str) -> None:
    """A `ReportProgress` for callers who do not follow the progress."""
    del progress, stage
