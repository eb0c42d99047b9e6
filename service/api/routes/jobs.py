"""/jobs: the progress of long work, and how to cancel it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from service.api.openapi.responses import Responses, example, problems
from service.api.schemas.jobs import JOB, Job, Jobs
from service.api.server.dependencies import LibraryDep
from service.jobs import job as values

router = APIRouter(prefix="/jobs", tags=["jobs"])

JobId = Annotated[
    str, Path(max_length=200, description="A job's id; `GET /jobs` lists them.", examples=["0d1b6c9a4f115f0c"])
]

LOCATION = {"Location": {"description": "Address of the job.", "schema": {"type": "string"}}}
ACCEPTED: Responses = {202: {**example(JOB)[200], "description": "The job waits or runs.", "headers": LOCATION}}
"""Of a route that submits a job."""


def accepted(job: values.Job, request: Request, response: Response) -> Job:
    """A new job, and its address in the headers."""
    response.headers["Location"] = f"/jobs/{job.id}"
    return Job.of(job, request.scope)


@router.get("", responses=example(Jobs(jobs=[JOB])) | problems(422, 503))
async def list_jobs(request: Request, library: LibraryDep) -> Jobs:
    """All jobs that are remembered, newest first."""
    return Jobs(jobs=[Job.of(one, request.scope) for one in await library.jobs.all()])


@router.get("/{job}", responses=example(JOB) | problems(404, 422, 503))
async def get_job(request: Request, job: JobId, library: LibraryDep) -> Job:
    """The progress of a job, and once it is done the address of its result."""
    return Job.of(await library.jobs.job(job), request.scope)


@router.delete("/{job}", responses=example(JOB) | problems(404, 422, 503, 507))
async def cancel_job(request: Request, job: JobId, library: LibraryDep) -> Job:
    """Cancel a job that waits or runs, or delete a finished one. The answer is the job as it then is."""
    return Job.of(await library.jobs.cancel(job), request.scope)
