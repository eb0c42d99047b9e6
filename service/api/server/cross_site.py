"""Requests that a web page of another origin makes: refused, unless FOVEA_ALLOWED_ORIGINS names it.

Without this check any page that a user opens could change collections: a browser sends simple requests, such as forms,
without asking first, and hides only the response. It states where a request comes from in Sec-Fetch-Site (W3C Fetch
Metadata) or, in older browsers, in Origin (RFC 6454). Other clients send neither and are not affected.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.routing import APIRoute

from service.errors import CrossSiteRequest

SAME_SITE = {"same-origin", "none"}
"""Values of Sec-Fetch-Site for requests of the service's own pages, and for those that a user starts."""


def check_cross_site(request: Request, route: APIRoute) -> None:
    """Raise CrossSiteRequest for a request that a page of another origin makes.

    Pages, and links to anything that can be opened by a GET, are allowed: the other page cannot read what they show.
    """
    origins = request.app.state.settings.allowed_origins
    origin, site = request.headers.get("origin", ""), request.headers.get("sec-fetch-site", "")
    if not route.include_in_schema or _is_own(request, origin, site) or origin in origins or "*" in origins:
        return
    is_link = request.method in {"GET", "HEAD"} and request.headers.get("sec-fetch-dest") == "document"
    if not is_link:
        raise CrossSiteRequest(
            "the request comes from a web page of another origin; the operator can allow its origin in"
            " FOVEA_ALLOWED_ORIGINS"
        )


def _is_own(request: Request, origin: str, site: str) -> bool:
    """Whether a page of this service or no page at all makes the request."""
    if site:
        return site in SAME_SITE
    return not origin or origin.partition(":")[2].lower() == f"//{request.headers.get('host', '').lower()}"
