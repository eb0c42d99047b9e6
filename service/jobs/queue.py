"""A queue of jobs: they run one at a time, in the order they were submitted, and survive a restart."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from service.errors import FoveaError, JobFailed, Overloaded, UnknownName
from service.jobs.job import Job, JobFunction
from service.jobs.records import JobRecords

logger = logging.getLogger(__name__)

MAX_WAITING = 8
"""Jobs that may wait; further ones are refused."""

MAX_RECORDS = 100
"""Jobs that are remembered; the oldest finished ones are forgotten first."""

RETRY_SECONDS = 15.0


class JobQueue:
    """All jobs of one folder. After a restart waiting jobs run; the one that was running is interrupted."""

    def __init__(self, folder: Path, kinds: Mapping[str, JobFunction]) -> None:
        """folder: created with the first job. kinds: the function that does each kind of job."""
        self._folder, self._kinds = folder, kinds
        self._records: JobRecords | None = None
        self._jobs: dict[str, Job] = {}
        self._changing = asyncio.Lock()
        self._runner: asyncio.Task[None] | None = None
        self._step: asyncio.Task[None] | None = None
        self._work: asyncio.Future[str] | None = None
        self._closing = False

    async def start(self) -> None:
        """Run the jobs that were waiting when the process ended; does nothing where there are no records."""
        if await asyncio.to_thread(JobRecords.exists, self._folder):
            try:
                await self._open()
            except FoveaError as error:
                logger.warning("the waiting jobs do not run in this process: %s", error)

    async def close(self) -> None:
        """Stop the running job, which becomes interrupted; waiting jobs stay until the next start."""
        self._closing = True
        if self._work is not None:
            self._work.cancel()
        if self._runner is not None:
            await asyncio.wait({self._runner})
        if self._records is not None:
            self._records.close()

    async def all(self) -> list[Job]:
        """All jobs that are remembered, newest first."""
        await self._open()
        return list(reversed(self._jobs.values()))

    async def job(self, job_id: str) -> Job:
        """One job. Raises UnknownName."""
        await self._open()
        if job_id not in self._jobs:
            raise UnknownName(f"there is no job {job_id[:80]!r}; GET /jobs lists those that are remembered")
        return self._jobs[job_id]

    async def submit(self, kind: str, subject: str, parameters: Mapping[str, object]) -> Job:
        """A new job, which is on the disk when this returns. Raises Overloaded where too many are waiting."""
        await self._open()
        async with self._changing:
            waiting = sum(job.state == "waiting" for job in self._jobs.values())
            if waiting >= MAX_WAITING:
                raise Overloaded(f"{waiting} jobs are waiting already; try again when one is done", RETRY_SECONDS)
            job = Job(secrets.token_hex(8), kind, subject, dict(parameters), created=time.time())
            await self._put(job)
            await self._prune()
        self._wake()
        return job

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job that waits or runs, or forget a finished one; the job as it then is. Raises UnknownName."""
        job = await self.job(job_id)
        if job.state == "running":
            if self._work is not None:
                self._work.cancel()
            if self._step is not None:
                await asyncio.wait({self._step})
            return self._jobs.get(job_id, job)
        async with self._changing:
            job = await self.job(job_id)
            if job.state == "waiting":
                return await self._put(job.cancel("cancelled before it started"))
            if job.state != "running":
                await self._forget(job_id)
                return job
        return await self.cancel(job_id)

    def _wake(self) -> None:
        if not self._closing and (self._runner is None or self._runner.done()):
            self._runner = asyncio.create_task(self._run_all())

    async def _run_all(self) -> None:
        while not self._closing:
            async with self._changing:
                job = next((job for job in self._jobs.values() if job.state == "waiting"), None)
                if job is None:
                    return
                job = await self._put(job.start())
                self._work = asyncio.ensure_future(self._begin(job))
                self._step = asyncio.create_task(self._run(job, self._work))
            await self._step
            self._work = self._step = None

    async def _run(self, job: Job, work: asyncio.Future[str]) -> None:
        try:
            ended = job.complete(await work)
        except asyncio.CancelledError:
            stopped = self._jobs[job.id]
            ended = stopped.interrupt() if self._closing else stopped.cancel()
        except FoveaError as error:
            ended = self._jobs[job.id].fail(error)
        except Exception:
            logger.exception("job %s failed because of a fault of the service", job.id)
            ended = self._jobs[job.id].fail(JobFailed("a fault of the service; its log has the reason"))
        try:
            await self._put(ended)
        except FoveaError:
            logger.exception("the end of job %s cannot be recorded", job.id)
            self._jobs[job.id] = ended

    async def _begin(self, job: Job) -> str:
        function = self._kinds.get(job.kind)
        if function is None:
            raise JobFailed(f"this version has no job kind {job.kind[:40]!r}")

        def report_progress(progress: float, stage: str) -> None:
            self._jobs[job.id] = self._jobs[job.id].advance(progress, stage)

        return await function(job, report_progress)

    async def _open(self) -> None:
        """Read the records once; a job that was running in a process that ended is interrupted."""
        if self._records is None:
            async with self._changing:
                if self._records is None:
                    self._records = await asyncio.to_thread(JobRecords, self._folder)
                    self._jobs = await asyncio.to_thread(self._records.all)
                    for job in [job for job in self._jobs.values() if job.state == "running"]:
                        await self._put(job.interrupt())
            self._wake()

    async def _put(self, job: Job) -> Job:
        if self._records is not None:
            await asyncio.to_thread(self._records.put, job)
        self._jobs[job.id] = job
        return job

    async def _forget(self, job_id: str) -> None:
        if self._records is not None:
            await asyncio.to_thread(self._records.remove, job_id)
        del self._jobs[job_id]

    async def _prune(self) -> None:
        finished = [job.id for job in self._jobs.values() if job.finished is not None]
        for job_id in finished[: max(0, len(self._jobs) - MAX_RECORDS)]:
            await self._forget(job_id)
