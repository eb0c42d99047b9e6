"""Who may administer the service: for now, programs on the machine on which it runs."""

from __future__ import annotations

import ipaddress

from fastapi import Request

from service.errors import Forbidden

PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers that a proxy adds: the client is then not the machine that the connection comes from."""

OTHER_SITES = ("cross-site", "same-site")
"""Values of Sec-Fetch-Site: a browser sends the request for a page of another origin."""


async def check_administrator(request: Request) -> None:
    """Raise Forbidden unless the request comes from this machine, neither through a proxy nor from another site's page.

    The one place to replace by the scope of an API key. A proxy that adds no header must not pass these addresses on.
    """
    path = request.url.path
    if request.client is None or not _is_loopback(request.client.host):
        raise Forbidden(f"{path} answers clients on the machine of the service only: call it there, on 127.0.0.1")
    if any(header in request.headers for header in PASSED_ON):
        raise Forbidden(f"{path} does not answer through a proxy: call it on the machine of the service, on 127.0.0.1")
    if request.headers.get("sec-fetch-site") in OTHER_SITES:
        raise Forbidden(f"{path} does not answer the pages of other sites: call it with a program such as curl")


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
