"""/collections/{name}/bias and /units: what a collection says of its model, from what was kept of its images."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.contract import Responses, example, problems
from service.api.negotiation import choose
from service.api.queries import Plain
from service.api.reports import BIAS, BiasReport
from service.api.routes.collections import Name
from service.api.wiring import Kept
from service.collections.paper import CSP
from service.collections.reports import bias_of

router = APIRouter(prefix="/collections/{name}", tags=["collections"])

FORMS = ("application/json", "text/html")


def _shown() -> Responses:
    found: dict[str, Any] = example(BIAS)[200]
    page = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html> ..."}}
    return {
        200: {"description": "The report, as figures or as a page with pictures.", "content": found["content"] | page}
    }


@router.post("/bias", responses=_shown() | problems(404, 406, 409, 422, 429, 503), response_model=BiasReport)
async def bias(request: Request, name: Name, query: Plain, library: Kept) -> Response:
    """Where the model looks over the whole collection, for each class, and whether what decides lies outside the
    anatomy. Nothing is looked at again, so it takes seconds; it is made anew each time.
    """
    query.check(request.query_params)
    form = choose(request.headers.get("accept"), FORMS)
    if form == "text/html":
        page = await bias_of(library, name, "html")
        return Response(page, media_type=form, headers={"Content-Security-Policy": CSP})
    opened = await asyncio.to_thread(lambda: library.store.collection(name))
    report = BiasReport.told(await bias_of(library, name), opened.name, library.notice(opened))
    return Response(report.model_dump_json(), media_type=form)
