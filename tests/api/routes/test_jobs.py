"""/jobs over HTTP, on work that does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.collections.library import Library
from service.errors import BadParameter, CollectionsError
from service.jobs.job import Job, ReportProgress
from service.jobs.queue import JobQueue
from service.settings import Settings
from tests.models import tiny


async def waits(job: Job, report_progress: ReportProgress) -> str:
    report_progress(0.25, "looking")
    if job.subject == "wrong":
        raise BadParameter("perplexity: at most 3")
    if job.subject == "disk":
        raise CollectionsError("/var/secret is full")
    await asyncio.sleep(1000)
    return ""


@pytest.fixture
def settings(zoo: Path, tmp_path: Path) -> Settings:
    return tiny.settings(zoo, data_dir=tmp_path, threads=1, decode_workers=1)


@pytest.fixture
def jobs(app: FastAPI) -> JobQueue:
    library: Library = app.state.library
    library.jobs = JobQueue(library.settings.jobs_folder, {"projection": waits})
    return library.jobs


async def followed(client: httpx.AsyncClient, made: Job, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            found: dict[str, Any] = (await client.get(f"/jobs/{made.id}")).json()
            if until(found):
                return found
            await asyncio.sleep(0.005)


async def test_jobs_are_listed_followed_and_cancelled(client: httpx.AsyncClient, jobs: JobQueue) -> None:
    assert (await client.get("/jobs")).json() == {"jobs": []}
    made = await jobs.submit("projection", "set", {"method": "pca"})
    found = await followed(client, made, lambda job: job["progress"] > 0)
    assert found | {"created": 0, "started": 0} == {
        "id": made.id, "kind": "projection", "collection": "set", "state": "running", "progress": 0.25,
        "stage": "looking", "created": 0, "started": 0, "finished": None, "result": None, "error": None,
    }  # fmt: skip
    assert (await client.get("/jobs")).json()["jobs"] == [found]
    assert (await client.delete(f"/jobs/{made.id}")).json()["state"] == "cancelled"
    assert (await client.delete(f"/jobs/{made.id}")).json()["state"] == "cancelled"
    gone = await client.get(f"/jobs/{made.id}")
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/unknown-name")
    await jobs.close()


async def test_a_failure_is_a_problem_that_tells_nothing_of_our_disk(client: httpx.AsyncClient, jobs: JobQueue) -> None:
    for collection, kind, words in (
        ("wrong", "/problems/bad-parameter", "at most 3"),
        ("disk", "/problems/misconfigured", "its operator finds the reason"),
    ):
        made = await jobs.submit("projection", collection, {})
        found = await followed(client, made, lambda job: job["state"] == "failed")
        assert found["error"]["type"] == kind
        assert words in found["error"]["detail"]
    await jobs.close()


async def test_results_are_addresses_by_kind(client: httpx.AsyncClient, app: FastAPI) -> None:
    """The queue knows names alone; a client gets the address of what was made."""

    async def make(job: Job, report_progress: ReportProgress) -> str:
        return "tsne-2d" if job.kind == "projection" else job.subject

    library: Library = app.state.library
    library.jobs = JobQueue(library.settings.jobs_folder, {"projection": make, "reembedding": make})
    addresses = {"projection": "/collections/set/projection/tsne-2d", "reembedding": "/collections/set"}
    for kind, address in addresses.items():
        made = await library.jobs.submit(kind, "set", {})
        assert (await followed(client, made, lambda job: job["state"] == "done"))["result"] == address
    await library.jobs.close()
