"""GET /problems and /problems/{slug}: the addresses in the `type` of every problem."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from service.api.openapi.responses import example, problems
from service.api.problems import PROBLEM_TYPES, ProblemType
from service.api.schemas.base import Schema
from service.errors import UnknownName

router = APIRouter(tags=["operation"])


class ProblemTypeDetails(Schema):
    """A problem type and its meaning."""

    type: str
    """As in the `type` of a problem."""
    status: int
    title: str
    meaning: str
    """What the problem means, and what to do about it."""

    @classmethod
    def of(cls, found: ProblemType) -> ProblemTypeDetails:
        """The JSON form of a problem type."""
        return cls(type=found.uri, status=found.status, title=found.title, meaning=found.meaning)


class ProblemTypes(Schema):
    """All problem types."""

    problems: list[ProblemTypeDetails]


Slug = Annotated[str, Path(description="The last part of a problem's `type`.", examples=["too-large"])]

EXAMPLE = ProblemTypeDetails.of(PROBLEM_TYPES["too-large"])


@router.get("/problems", responses=example(ProblemTypes(problems=[EXAMPLE])) | problems(422))
async def list_problems() -> ProblemTypes:
    """List all problem types that the service uses."""
    return ProblemTypes(problems=[ProblemTypeDetails.of(found) for found in PROBLEM_TYPES.values()])


@router.get("/problems/{slug}", responses=example(EXAMPLE) | problems(404, 422))
async def get_problem(slug: Slug) -> ProblemTypeDetails:
    """Return what a problem type means, and what to do about it."""
    if slug not in PROBLEM_TYPES:
        raise UnknownName(f"there is no problem type {slug[:80]!r}; the types are {', '.join(PROBLEM_TYPES)}")
    return ProblemTypeDetails.of(PROBLEM_TYPES[slug])
