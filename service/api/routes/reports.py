"""/collections/{name}/bias and /units: reports on a collection and its model, from what is stored of its images."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from service.api.openapi.responses import Responses, example, problems
from service.api.queries.collections import UnitQuery
from service.api.routes.collections import Name
from service.api.schemas.reports import BIAS, UNIT, BiasReport, UnitReport
from service.api.server.dependencies import LibraryDep
from service.api.server.negotiation import choose
from service.collections.reports.html_page import POLICY
from service.collections.reports.report_requests import bias_report, unit_report

router = APIRouter(prefix="/collections/{name}", tags=["collections"])

Unit = Annotated[int, Path(ge=0, lt=2**31, description="A unit of the model's last feature map, from 0.", examples=[0])]
MEDIA_TYPES = ("application/json", "text/html")


def _figures_or_page() -> Responses:
    figures: dict[str, Any] = example(BIAS)[200]
    page = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html> ..."}}
    return {
        200: {"description": "The report, as figures or as a page with pictures.", "content": figures["content"] | page}
    }


@router.post("/bias", responses=_figures_or_page() | problems(404, 406, 409, 422, 429, 503), response_model=BiasReport)
async def create_bias_report(request: Request, name: Name, library: LibraryDep) -> Response:
    """Where the evidence for each class lies, over the whole collection, and whether positions outside the anatomy
    decide answers. It is computed from stored maps, which takes seconds, and computed anew for each request.
    """
    media_type = choose(request.headers.get("accept"), MEDIA_TYPES)
    if media_type == "text/html":
        page = await bias_report(library, name, "html")
        return Response(page, media_type=media_type, headers={"Content-Security-Policy": POLICY})
    report = BiasReport.of(await bias_report(library, name), name, await library.notice(name))
    return Response(report.model_dump_json(), media_type=media_type)


@router.get("/units/{unit}", responses=example(UNIT) | problems(404, 409, 422, 429, 503))
async def get_unit(name: Name, unit: Unit, query: Annotated[UnitQuery, Query()], library: LibraryDep) -> UnitReport:
    """The top-activating images of a unit of the model's last feature map, with their thumbnails."""
    found = await unit_report(library, name, unit, query.k)
    return UnitReport.of(found, name, await library.notice(name))
