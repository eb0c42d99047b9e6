"""Jobs: one at a time, bounded, cancelled at once, and not forgotten whatever happens to the process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from service.errors import BadParameter, CollectionsError, Overloaded, UnknownName
from service.jobs import queue as module
from service.jobs.job import Job, JobFunction, ReportProgress
from service.jobs.queue import MAX_WAITING, JobQueue
from service.jobs.records import JobRecords


class HeldJob:
    """A job function that waits until it is released, and records what ran and what was cancelled."""

    def __init__(self) -> None:
        self.ran: list[object] = []
        self.cancelled: list[object] = []
        self.free = asyncio.Event()
        self.at_once = 0

    async def __call__(self, job: Job, report_progress: ReportProgress) -> str:
        self.at_once += 1
        assert self.at_once == 1
        try:
            self.ran.append(job.parameters.get("number"))
            report_progress(0.5, "half way")
            report_progress(0.25, "a little back")
            await self.free.wait()
        except asyncio.CancelledError:
            self.cancelled.append(job.parameters.get("number"))
            raise
        finally:
            self.at_once -= 1
        return f"made-of-{job.subject}"


async def wrong(job: Job, report_progress: ReportProgress) -> str:
    raise BadParameter("perplexity: what is right")


async def broken(job: Job, report_progress: ReportProgress) -> str:
    raise ZeroDivisionError


@asynccontextmanager
async def opened(folder: Path, **kinds: JobFunction) -> AsyncIterator[JobQueue]:
    jobs = JobQueue(folder, kinds)
    await jobs.start()
    try:
        yield jobs
    finally:
        await jobs.close()


async def reaches(jobs: JobQueue, job: Job, *states: str) -> Job:
    async with asyncio.timeout(30):
        while True:
            found = await jobs.job(job.id)
            if found.state in states:
                return found
            await asyncio.sleep(0.005)


async def test_jobs_run_one_after_the_other_in_the_order_they_came(tmp_path: Path) -> None:
    """Fails where two may run at once (tried: a task a job)."""
    held = HeldJob()
    async with opened(tmp_path, held=held) as jobs:
        made = [await jobs.submit("held", "set", {"number": number}) for number in range(4)]
        running = await reaches(jobs, made[0], "running")
        assert [job.id for job in await jobs.all()] == [job.id for job in reversed(made)]
        while running.progress == 0:
            running = await jobs.job(made[0].id)
            await asyncio.sleep(0.005)
        assert (running.progress, running.stage) == (0.5, "a little back"), "progress never falls"
        await asyncio.sleep(0.1)
        assert (await jobs.job(made[1].id)).state == "waiting"
        held.free.set()
        last = await reaches(jobs, made[3], "done")
        assert held.ran == [0, 1, 2, 3]
        assert (last.progress, last.result, last.error) == (1.0, "made-of-set", None)
        assert last.created <= (last.started or 0) <= (last.finished or 0)


async def test_no_more_may_wait_than_agreed(tmp_path: Path) -> None:
    held = HeldJob()
    async with opened(tmp_path, held=held) as jobs:
        first = await jobs.submit("held", "set", {})
        await reaches(jobs, first, "running")
        outcomes = await asyncio.gather(
            *(jobs.submit("held", "set", {}) for _ in range(MAX_WAITING + 3)), return_exceptions=True
        )
        refused = [one for one in outcomes if isinstance(one, Overloaded)]
        assert len(refused) == 3
        assert refused[0].retry_after > 1
        held.free.set()
        await reaches(jobs, [one for one in outcomes if isinstance(one, Job)][-1], "done")


async def test_cancelling_ends_what_runs_and_forestalls_what_waits(tmp_path: Path) -> None:
    held = HeldJob()
    async with opened(tmp_path, held=held) as jobs:
        made = [await jobs.submit("held", "set", {"number": number}) for number in range(3)]
        await reaches(jobs, made[0], "running")
        assert (await jobs.cancel(made[1].id)).state == "cancelled"
        assert (await jobs.cancel(made[0].id)).state == "cancelled"
        held.free.set()
        await reaches(jobs, made[2], "done")
        assert (held.ran, held.cancelled) == ([0, 2], [0])
        assert (await jobs.cancel(made[0].id)).state == "cancelled"
        with pytest.raises(UnknownName, match="GET /jobs"):
            await jobs.job(made[0].id)


async def test_failures_keep_their_reasons_and_the_next_job_runs(tmp_path: Path) -> None:
    held = HeldJob()
    held.free.set()
    async with opened(tmp_path, wrong=wrong, broken=broken, held=held) as jobs:
        made = [await jobs.submit(kind, "set", {}) for kind in ("wrong", "broken", "unheard", "held")]
        await reaches(jobs, made[-1], "done")
        failed = [await jobs.job(job.id) for job in made[:-1]]
        assert [job.state for job in failed] == ["failed"] * 3
        errors = [(job.error.error, job.error.detail) for job in failed if job.error]
        assert errors[0] == ("BadParameter", "perplexity: what is right")
        assert [name for name, _ in errors[1:]] == ["JobFailed"] * 2


async def test_an_orderly_end_interrupts_what_runs_and_what_waits_goes_on(tmp_path: Path) -> None:
    held = HeldJob()
    async with opened(tmp_path, held=held) as jobs:
        made = [await jobs.submit("held", "set", {"number": number}) for number in range(2)]
        await reaches(jobs, made[0], "running")
    again = HeldJob()
    again.free.set()
    async with opened(tmp_path, held=again) as jobs:
        assert (await reaches(jobs, made[1], "done")).result
        interrupted = await jobs.job(made[0].id)
        assert interrupted.state == "interrupted"
        assert interrupted.error is not None
        assert again.ran == [1]


KILLED = """
import asyncio, sys
from pathlib import Path
from service.jobs.queue import JobQueue

async def endless(job, report_progress):
    print(job.id, flush=True)
    await asyncio.sleep(1000)

async def main():
    jobs = JobQueue(Path(sys.argv[1]), {"held": endless})
    for number in range(3):
        await jobs.submit("held", "set", {"number": number})
    print("submitted", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


def killed(folder: Path) -> set[str]:
    """The words of a process that ran a job, kept two waiting, and was killed."""
    with subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = {process.stdout.readline().strip(), process.stdout.readline().strip()}
        with pytest.raises(CollectionsError, match="another service"):
            JobRecords(folder)
        os.kill(process.pid, signal.SIGKILL)
        return said


async def test_a_killed_process_loses_no_job(tmp_path: Path) -> None:
    """Fails where a job is written down only when it is done (tried)."""
    said = killed(tmp_path)
    held = HeldJob()
    held.free.set()
    async with opened(tmp_path, held=held) as jobs:
        await reaches(jobs, (await jobs.all())[0], "done")
        states = {job.id: job.state for job in await jobs.all()}
        assert [*states.values()] == ["done", "done", "interrupted"]
        assert said == {"submitted", [*states][-1]}
        assert held.ran == [1, 2]


async def test_old_ones_are_forgotten_but_none_that_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 4)
    held = HeldJob()
    held.free.set()
    async with opened(tmp_path, held=held) as jobs:
        for _ in range(7):
            made = await jobs.submit("held", "set", {})
            await reaches(jobs, made, "done")
        assert len(await jobs.all()) == 4
        ids = {job.id for job in await jobs.all()}
    async with opened(tmp_path, held=held) as jobs:
        assert {job.id for job in await jobs.all()} == ids


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b""])
async def test_damaged_records_are_reported(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(damage)
    jobs = JobQueue(tmp_path, {})
    await jobs.start()
    if damage:
        with pytest.raises(CollectionsError, match="not a database"):
            await jobs.all()
    else:
        assert await jobs.all() == []
    await jobs.close()


async def test_a_second_process_logs_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(tmp_path) as first:
        await first.all()
        async with opened(tmp_path):
            (record,) = [record for record in caplog.records if record.name == "service.jobs.queue"]
            assert record.getMessage() == (
                f"the waiting jobs do not run in this process: jobs cannot be kept in {tmp_path}:"
                " another service keeps its jobs there"
            )
            assert (record.levelname, record.exc_info) == ("WARNING", None)


async def test_the_loop_is_never_held_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing down takes as long as the disk likes: it happens on another thread."""
    import threading

    loop_thread = threading.get_ident()
    put: Callable[..., Any] = JobRecords.put

    def checked(self: object, *given: object) -> None:
        assert threading.get_ident() != loop_thread
        put(self, *given)

    monkeypatch.setattr(JobRecords, "put", checked)
    held = HeldJob()
    held.free.set()
    async with opened(tmp_path, held=held) as jobs:
        await reaches(jobs, await jobs.submit("held", "set", {}), "done")
