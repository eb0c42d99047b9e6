"""Jobs as JSON."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field
from starlette.types import Scope

from service import errors
from service.api.problems import Problem, describe
from service.api.schemas.base import Finite, Schema
from service.jobs import queue


class Job(Schema):
    """A piece of work that takes longer than a request."""

    id: str
    kind: Literal["projection", "reembedding"]
    collection: str
    """The collection it is done on."""
    state: queue.State
    """interrupted: the service ended while it was running; ask for it again."""
    progress: Annotated[Finite, Field(ge=0, le=1)]
    stage: str
    """What is being done, in words."""
    created: Finite
    """Seconds since 1970, as the other times."""
    started: Finite | None
    finished: Finite | None
    result: str | None
    """Address of what came out, once it is done."""
    error: Problem | None
    """Why there is no result."""

    @classmethod
    def of(cls, found: queue.Job, scope: Scope) -> Self:
        """A job as its client reads it."""
        facts = {name: value for name, value in vars(found).items() if name not in {"parameters", "error"}}
        failure = found.error
        if failure is None:
            return cls(**facts, error=None)
        kind = getattr(errors, failure.error, errors.JobFailed)
        return cls(**facts, error=describe(kind(failure.detail), scope))


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
