"""/collections/{name}/bias and /units: what a collection says of its model, from what was kept of its images."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from service.api.openapi.responses import Responses, example, problems
from service.api.queries.collections import UnitQuery
from service.api.routes.collections import Name
from service.api.schemas.reports import BIAS, UNIT, BiasReport, UnitReport
from service.api.server.dependencies import LibraryDep
from service.api.server.negotiation import choose
from service.collections.reports.html_page import CSP
from service.collections.reports.report_requests import bias_report, top_activations

router = APIRouter(prefix="/collections/{name}", tags=["collections"])

Unit = Annotated[int, Path(ge=0, lt=2**31, description="A unit of the model's last map, from 0.", examples=[331])]
FORMS = ("application/json", "text/html")


def _shown() -> Responses:
    found: dict[str, Any] = example(BIAS)[200]
    page = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html> ..."}}
    return {
        200: {"description": "The report, as figures or as a page with pictures.", "content": found["content"] | page}
    }


@router.post("/bias", responses=_shown() | problems(404, 406, 409, 422, 429, 503), response_model=BiasReport)
async def create_bias_report(request: Request, name: Name, library: LibraryDep) -> Response:
    """Where the model looks over the whole collection, for each class, and whether what decides lies outside the
    anatomy. Nothing is looked at again, so it takes seconds; it is made anew each time.
    """
    form = choose(request.headers.get("accept"), FORMS)
    if form == "text/html":
        page = await bias_report(library, name, "html")
        return Response(page, media_type=form, headers={"Content-Security-Policy": CSP})
    opened = await asyncio.to_thread(lambda: library.store.collection(name))
    report = BiasReport.told(await bias_report(library, name), opened.name, library.notice(opened))
    return Response(report.model_dump_json(), media_type=form)


@router.get("/units/{unit}", responses=example(UNIT) | problems(404, 409, 422, 429, 503))
async def get_unit(name: Name, unit: Unit, query: Annotated[UnitQuery, Query()], library: LibraryDep) -> UnitReport:
    """The images of a collection that excite a unit of the model's last map most, with their thumbnails."""
    found = await top_activations(library, name, unit, query.k)
    opened = await asyncio.to_thread(lambda: library.store.collection(name))
    return UnitReport.told(found, opened.name, library.notice(opened))
