"""Pages for people work with no network: everything they load is ours."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx
import pytest


class Loads(HTMLParser):
    """What a page loads, and whether it runs scripts of its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._script = tag == "script" and "src" not in found
        self.inline += [name for name in found if name.startswith("on") or name == "style"]
        if tag in {"script", "img", "iframe"} or (tag == "link" and found.get("rel") != "canonical"):
            self.addresses += [value for name, value in attrs if name in {"src", "href"} and value]

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.inline.append(data)


@pytest.mark.parametrize("page", ["/", "/docs"])
async def test_a_page_loads_only_from_here_and_runs_nothing_inline(client: httpx.AsyncClient, page: str) -> None:
    response = await client.get(page)
    assert response.headers["content-type"].startswith("text/html")
    loads = Loads(response.text)
    assert not loads.inline
    for address in loads.addresses:
        assert "//" not in address
        assert (await client.get(urljoin(page, address))).status_code == 200, address


async def test_swagger_ui_is_there_and_told_to_ask_nobody_else(client: httpx.AsyncClient) -> None:
    addresses = Loads((await client.get("/docs")).text).addresses
    assert "docs/swagger/swagger-ui-bundle.js" in addresses
    script = (await client.get("/docs/own/docs.js")).text
    assert 'url: "openapi.json"' in script
    assert "validatorUrl: null" in script
    assert not re.search(r"https?:", script)
    bundle = (await client.get("/docs/swagger/swagger-ui-bundle.js")).text
    assert int(re.search(r'PACKAGE_VERSION:"(\d+)\.', bundle)[1]) >= 5  # 4 cannot read OpenAPI 3.1


async def test_swaggers_styles_load_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    styles = (await client.get("/docs/swagger/swagger-ui.css")).text
    assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", styles)


async def test_no_other_documentation_is_offered(client: httpx.AsyncClient) -> None:
    for path in ("/redoc", "/docs/oauth2-redirect"):
        assert (await client.get(path)).status_code == 404


async def test_the_docs_need_no_more_than_their_policy_gives(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/docs")).headers["content-security-policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "img-src 'self' data:" in policy
    assert "http" not in policy
