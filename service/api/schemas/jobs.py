"""Jobs as JSON."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field
from starlette.types import Scope

from service.api.problems import Problem, describe
from service.api.schemas.base import Finite, Schema
from service.errors import error_from_name
from service.jobs import job as values

RESULT_ADDRESSES = {
    "projection": "/collections/{subject}/projection/{result}",
    "reembedding": "/collections/{subject}",
}
"""Where a client finds the result of a job, by its kind."""


class Job(Schema):
    """A piece of work that takes longer than a request."""

    id: str
    kind: Literal["projection", "reembedding"]
    collection: str
    """The collection that it works on."""
    state: values.State
    """interrupted: the service stopped while it was running; submit it again."""
    progress: Annotated[Finite, Field(ge=0, le=1)]
    stage: str
    """The current step, in words."""
    created: Finite
    """Seconds since 1970, as the other times."""
    started: Finite | None
    finished: Finite | None
    result: str | None
    """Address of the result, once it is done."""
    error: Problem | None
    """Why there is no result."""

    @classmethod
    def of(cls, job: values.Job, scope: Scope) -> Self:
        """A job as its client reads it."""
        fields = {name: value for name, value in vars(job).items() if name in cls.model_fields}
        address = job.result and RESULT_ADDRESSES[job.kind].format(subject=job.subject, result=job.result)
        return cls(**(fields | {"collection": job.subject, "result": address, "error": _problem(job.error, scope)}))


def _problem(failure: values.Failure | None, scope: Scope) -> Problem | None:
    if failure is None:
        return None
    return describe(error_from_name(failure.error, failure.detail), scope)


class Jobs(Schema):
    """All jobs that are remembered, newest first."""

    jobs: list[Job]


JOB = Job(
    id="0d1b6c9a4f115f0c",
    kind="projection",
    collection="reference",
    state="running",
    progress=0.42,
    stage="moving points, round 300 of 750",
    created=1767225600.0,
    started=1767225600.5,
    finished=None,
    result=None,
    error=None,
)
