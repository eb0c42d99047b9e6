"""Names in the Host header: by default those that no one can let point at this machine from outside."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from service.api.app import create_app
from service.api.server.allowed_hosts import AllowedHosts
from service.errors import MalformedRequest
from tests.api.conftest import talking_to
from tests.api.fakes import FakeAnswers
from tests.models import tiny

OWN = (
    "",
    "localhost",
    "LocalHost:8000",
    "viewer.localhost:80",
    "127.0.0.1",
    "127.0.0.1:8000",
    "[::1]:8000",
    "10.1.2.3",
)
FOREIGN = ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "evil", "127.1.evil", "[::1].evil")


@pytest.mark.parametrize("host", OWN)
def test_loopback_names_and_addresses_are_allowed_by_default(host: str) -> None:
    AllowedHosts(()).check([host])


@pytest.mark.parametrize("host", FOREIGN)
def test_other_names_are_refused_by_default(host: str) -> None:
    with pytest.raises(MalformedRequest, match="FOVEA_ALLOWED_HOSTS"):
        AllowedHosts(()).check([host])


async def test_only_named_hosts_are_answered_where_some_are_named(zoo: Any) -> None:
    settings = tiny.settings(zoo, allowed_hosts=["fovea.example", "127.0.0.1", "[::1]"])
    async with talking_to(create_app(settings, FakeAnswers(settings))) as client:
        for host in ("fovea.example", "Fovea.Example:8000", "127.0.0.1:80", "[::1]:8000", "[::1]"):
            assert (await client.get("/livez", headers={"Host": host})).status_code == 200, host
        for host in ("evil.example", "fovea.example.evil.example", "", "127.0.0.1.evil:80", "10.1.2.3", "localhost"):
            response = await client.get("/livez", headers={"Host": host})
            assert (response.status_code, response.json()["type"]) == (400, "/problems/malformed-request"), host


async def test_two_hosts_are_refused(client: httpx.AsyncClient) -> None:
    response = await client.get("/livez", headers=[("Host", "localhost"), ("Host", "localhost")])
    assert (response.status_code, response.json()["type"]) == (400, "/problems/malformed-request")
