"""The Host header: a request for another name is refused, because a name can be made to point at this machine.

A web page may load under a name of its own and then let this name resolve to 127.0.0.1 (DNS rebinding). The browser
then takes the page and the service for one site. The Host header still has the page's name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from service.errors import MalformedRequest

LOOPBACK_NAMES = frozenset({"", "localhost"})
"""Accepted by default, and so is every IP address, because it cannot point elsewhere. Empty: HTTP/1.0 without Host."""


class AllowedHosts:
    """names: host names without ports; empty for the default."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = {name.lower() for name in names}

    def check(self, hosts: Sequence[str]) -> None:
        """Raise MalformedRequest unless there is at most one Host header, with an allowed name."""
        if len(hosts) > 1:
            raise MalformedRequest("the request has more than one Host header")
        name = host_name(hosts[0] if hosts else "")
        if self._names:
            if name not in self._names:
                raise MalformedRequest("the Host header is none of the hosts in FOVEA_ALLOWED_HOSTS")
        elif not (name in LOOPBACK_NAMES or name.endswith(".localhost") or _is_address(name)):
            raise MalformedRequest(
                "the Host header is a name that this service does not know; address it as localhost or by its IP"
                " address, or let its operator add the name to FOVEA_ALLOWED_HOSTS"
            )


def host_name(host: str) -> str:
    """The lower-case name of a Host header or of the host and port of an origin, without the port."""
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() else host).lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
