"""GET /problems and /problems/{slug}: where the `type` of every problem leads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from service.api.openapi.responses import example
from service.api.openapi.responses import problems as problem_responses
from service.api.problems import ALL, Kind
from service.api.queries.images import NoQuery
from service.api.schemas.answers import Schema
from service.errors import UnknownName

router = APIRouter(tags=["operation"])


class ProblemKind(Schema):
    """What a kind of problem means."""

    type: str
    """As in the problem itself."""
    status: int
    title: str
    meaning: str
    """What it says, and what to do about it."""


class ProblemKinds(Schema):
    """Every kind of problem there is."""

    problems: list[ProblemKind]


def _shown(kind: Kind) -> ProblemKind:
    return ProblemKind(type=kind.type, status=kind.status, title=kind.title, meaning=kind.meaning)


Slug = Annotated[str, Path(description="The last part of a problem's `type`.", examples=["too-large"])]

EXAMPLE = _shown(ALL["too-large"])


@router.get("/problems", responses=example(ProblemKinds(problems=[EXAMPLE])) | problem_responses(422))
async def problems(request: Request, query: NoQuery) -> ProblemKinds:
    """Every kind of problem this service can answer with."""
    query.check(request.query_params)
    return ProblemKinds(problems=[_shown(kind) for kind in ALL.values()])


@router.get("/problems/{slug}", responses=example(EXAMPLE) | problem_responses(404, 422))
async def problem(request: Request, query: NoQuery, slug: Slug) -> ProblemKind:
    """What one kind of problem means, and what to do about it."""
    query.check(request.query_params)
    if slug not in ALL:
        raise UnknownName(f"there is no kind of problem {slug[:80]!r}; there are {', '.join(ALL)}")
    return _shown(ALL[slug])
