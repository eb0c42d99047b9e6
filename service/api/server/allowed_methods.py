"""The methods that an address supports: the Allow header of 405, and the response to OPTIONS."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def allowed_methods(request: Request) -> str:
    """The value of the Allow header for the address of a request: all methods of all routes that match it."""
    routes: list[BaseRoute] = request.app.routes
    found = [method for method in METHODS if any(_matches(route, request.scope, method) for route in routes)]
    if "GET" in found:
        found.insert(1, "HEAD")
    return ", ".join([*found, "OPTIONS"])


def _matches(route: BaseRoute, scope: Scope, method: str) -> bool:
    """Whether a route handles this method at the address. Static files, which match any method, support GET only."""
    root_path = scope.get("app_root_path", scope.get("root_path", ""))  # mounts change the root path of their requests
    match, _ = route.matches({**scope, "method": method, "path_params": {}, "root_path": root_path})
    return match == Match.FULL and (method == "GET" or not isinstance(route, Mount))
