"""Checks that every request to an API route passes before the route's own code runs.

`create_app` installs `check_request` as a dependency of the whole application, so no route can leave it out. A further
check of every request, such as the scope of an API key, is one more entry of `CHECKS`: it receives the request and the
matched route (its tags, path and methods) and raises an error. What must see every response, refusals and errors
included, such as an audit record, belongs in `ResponseMiddleware`, where the request's log line is written; a check
hands it facts through `request.state`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_origin

from fastapi import Request
from fastapi.routing import APIRoute

from service.api.queries.base import BaseQuery
from service.api.server.cross_site import check_cross_site
from service.errors import BadParameter


async def check_request(request: Request) -> None:
    """Apply all checks. Raises RequestError."""
    route = request.scope["route"]
    for check in CHECKS:
        check(request, route)


def check_query(request: Request, route: APIRoute) -> None:
    """Raise BadParameter for an unknown query parameter, or for a single value that is given twice.

    Pages, which are not in the API document, accept any query: it is for the scripts of the page.
    """
    if not route.include_in_schema:
        return
    known = _known_parameters(request, route)
    for name in request.query_params:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise BadParameter(f"this address takes no query parameter {name[:40]!r}; {takes}")
        if not known[name] and len(request.query_params.getlist(name)) > 1:
            raise BadParameter(f"query parameter {name[:40]} is given more than once, but takes one value")


def check_capacity(request: Request, route: APIRoute) -> None:
    """Raise Overloaded, before a body is read, if the images in it would wait too long."""
    if route.openapi_extra and "requestBody" in route.openapi_extra:
        request.app.state.answers.admission.check()


CHECKS: tuple[Callable[[Request, APIRoute], None], ...] = (check_cross_site, check_query, check_capacity)


def _known_parameters(request: Request, route: APIRoute) -> dict[str, bool]:
    """The query parameters that a request may use, and whether each may be repeated."""
    known: dict[str, bool] = {}
    for parameter in route.dependant.query_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseQuery):
            known |= {name: _is_list(field.annotation) for name, field in annotation.model_fields.items()}
            known |= dict.fromkeys(
                sorted(annotation.method_parameters(request.path_params, request.query_params)), False
            )
        else:
            known[parameter.alias] = _is_list(annotation)
    return known


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is list
