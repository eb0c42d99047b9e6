"""Work that takes longer than a request: jobs that wait their turn, one at a time, and whose records outlive us."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from service.errors import FoveaError, JobFailed, Overloaded, UnknownName
from service.jobs.records import JobRecords

logger = logging.getLogger(__name__)

State = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]

MOST_WAITING = 8
"""Jobs that may wait before further ones are refused."""

MOST_KEPT = 100
"""Records of jobs, oldest finished ones forgotten first."""

RETRY_SECONDS = 15.0


@dataclass(frozen=True)
class Failure:
    """Why there is no result. error: the class of `service.errors` by name; detail: its text."""

    error: str
    detail: str


@dataclass(frozen=True)
class Job:
    """One piece of work on a collection. progress: 0 to 1. stage: what is being done, in words.

    created, started, finished: seconds since 1970. result: the address of what came out.
    """

    id: str
    kind: str
    collection: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    state: State = "waiting"
    progress: float = 0.0
    stage: str = "waiting"
    created: float = 0.0
    started: float | None = None
    finished: float | None = None
    result: str | None = None
    error: Failure | None = None


ReportProgress = Callable[[float, str], None]
"""Takes progress, 0 to 1, and a stage in words. To be called on the event loop."""

Work = Callable[[Job, ReportProgress], Awaitable[str]]
"""Does a job and returns the result's address. Cancelled, it stops at once and leaves nothing behind."""


class JobQueue:
    """All jobs of one folder. Waiting ones go on after a restart; one that was running then is interrupted."""

    def __init__(self, folder: Path, kinds: Mapping[str, Work]) -> None:
        """folder: made when the first job comes. kinds: what can be asked for, by name."""
        self._folder, self._kinds = folder, kinds
        self._ledger: JobRecords[Job] | None = None
        self._jobs: dict[str, Job] = {}
        self._changing = asyncio.Lock()
        self._runner: asyncio.Task[None] | None = None
        self._step: asyncio.Task[None] | None = None
        self._work: asyncio.Future[str] | None = None
        self._closing = False

    async def start(self) -> None:
        """Go on with what was waiting when the process ended; nothing where there never was a job."""
        if await asyncio.to_thread(JobRecords.exists, self._folder):
            try:
                await self._opened()
            except FoveaError:
                logger.exception("jobs that were waiting cannot go on yet")

    async def close(self) -> None:
        """Stop the running job, which is then interrupted; those waiting wait for the next start."""
        self._closing = True
        if self._work is not None:
            self._work.cancel()
        if self._runner is not None:
            await asyncio.wait({self._runner})
        if self._ledger is not None:
            self._ledger.close()

    async def all(self) -> list[Job]:
        """All that is remembered, newest first."""
        await self._opened()
        return list(reversed(self._jobs.values()))

    async def job(self, number: str) -> Job:
        """One of them. Raises UnknownName."""
        await self._opened()
        if number not in self._jobs:
            raise UnknownName(f"there is no job {number[:80]!r}; GET /jobs lists those that are remembered")
        return self._jobs[number]

    async def submit(self, kind: str, collection: str, parameters: Mapping[str, object]) -> Job:
        """A new job, on the disk when this returns. Raises Overloaded where too many are waiting."""
        await self._opened()
        async with self._changing:
            waiting = sum(job.state == "waiting" for job in self._jobs.values())
            if waiting >= MOST_WAITING:
                raise Overloaded(f"{waiting} jobs are waiting already; ask again when one is done", RETRY_SECONDS)
            job = Job(secrets.token_hex(8), kind, collection, dict(parameters), created=time.time())
            await self._put(job)
            await self._prune()
        self._wake()
        return job

    async def cancel(self, number: str) -> Job:
        """End a job that waits or runs, forget one that is finished; as it then is. Raises UnknownName."""
        job = await self.job(number)
        if job.state == "running":
            if self._work is not None:
                self._work.cancel()
            if self._step is not None:
                await asyncio.wait({self._step})
            return self._jobs.get(number, job)
        async with self._changing:
            job = await self.job(number)
            if job.state == "waiting":
                return await self._put(_ended(job, "cancelled", "cancelled before it began"))
            if job.state != "running":
                await self._forget(number)
                return job
        return await self.cancel(number)

    def _wake(self) -> None:
        if not self._closing and (self._runner is None or self._runner.done()):
            self._runner = asyncio.create_task(self._run_all())

    async def _run_all(self) -> None:
        while not self._closing:
            async with self._changing:
                job = next((one for one in self._jobs.values() if one.state == "waiting"), None)
                if job is None:
                    return
                job = await self._put(replace(job, state="running", stage="starting", started=time.time()))
                self._work = asyncio.ensure_future(self._begin(job))
                self._step = asyncio.create_task(self._run(job, self._work))
            await self._step
            self._work = self._step = None

    async def _run(self, job: Job, work: asyncio.Future[str]) -> None:
        try:
            result = await work
            ended = replace(_ended(job, "done", "done"), progress=1.0, result=result)
        except asyncio.CancelledError:
            ended = self._stopped(self._jobs[job.id])
        except FoveaError as error:
            ended = _failed(self._jobs[job.id], error)
        except Exception:
            logger.exception("job %s failed by a fault of the service", job.id)
            ended = _failed(self._jobs[job.id], JobFailed("a fault of the service; its log has the reason"))
        try:
            await self._put(ended)
        except FoveaError:
            logger.exception("what became of job %s cannot be written down", job.id)
            self._jobs[job.id] = ended

    async def _begin(self, job: Job) -> str:
        work = self._kinds.get(job.kind)
        if work is None:
            raise JobFailed(f"this version does no {job.kind[:40]!r}")

        def told(progress: float, stage: str) -> None:
            now = self._jobs[job.id]
            self._jobs[job.id] = replace(now, progress=min(max(progress, now.progress), 1.0), stage=stage)

        return await work(job, told)

    def _stopped(self, job: Job) -> Job:
        return _interrupted(job) if self._closing else _ended(job, "cancelled", "cancelled")

    async def _opened(self) -> None:
        """Read the ledger once; what was running in a process that is gone is interrupted."""
        if self._ledger is None:
            async with self._changing:
                if self._ledger is None:
                    self._ledger = await asyncio.to_thread(JobRecords, self._folder, Job)
                    self._jobs = await asyncio.to_thread(self._ledger.all)
                    for job in [job for job in self._jobs.values() if job.state == "running"]:
                        await self._put(_interrupted(job))
            self._wake()

    async def _put(self, job: Job) -> Job:
        if self._ledger is not None:
            await asyncio.to_thread(self._ledger.put, job.id, job)
        self._jobs[job.id] = job
        return job

    async def _forget(self, number: str) -> None:
        if self._ledger is not None:
            await asyncio.to_thread(self._ledger.remove, number)
        del self._jobs[number]

    async def _prune(self) -> None:
        finished = [job.id for job in self._jobs.values() if job.finished is not None]
        for number in finished[: max(0, len(self._jobs) - MOST_KEPT)]:
            await self._forget(number)


def _ended(job: Job, state: State, stage: str) -> Job:
    return replace(job, state=state, stage=stage, finished=time.time())


def _failed(job: Job, error: FoveaError) -> Job:
    return replace(_ended(job, "failed", "failed"), error=Failure(type(error).__name__, str(error)))


def _interrupted(job: Job) -> Job:
    failure = Failure(JobFailed.__name__, "the service ended while this was being computed; ask for it again")
    return replace(_ended(job, "interrupted", "interrupted"), error=failure)
