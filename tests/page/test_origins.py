"""A page of another origin, in a real browser: it can call the API only if its origin is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.api.test_serving import serving
from tests.models import tiny

CALL = """async (service) => {
  const body = JSON.stringify({ image: "bm8gaW1hZ2U=" });
  try {
    const models = await fetch(service + "/models");
    const headers = { "Content-Type": "application/json" };
    const refused = await fetch(service + "/predict", { method: "POST", headers, body });
    const gone = await fetch(service + "/jobs/none", { method: "DELETE" });
    const id = Boolean(refused.headers.get("X-Request-ID"));
    return [models.status, refused.status, (await refused.json()).type, id, gone.status];
  } catch (error) {
    return String(error);
  }
}"""


SEND = """async (service) => {
  const response = fetch(service + "/collections?name=planted&model=tiny", { method: "POST", mode: "no-cors" });
  return (await response.catch(() => ({ status: 0 }))).status;
}"""
"""A simple request, which browsers send to any origin without asking first; they only hide its response."""


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is logged."""


@contextmanager
def empty_site() -> Iterator[str]:
    """The origin of a site with an empty page."""
    site = ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage)
    Thread(target=site.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    site.server_close()


def call(browser: Browser, origin: str, port: int) -> Any:
    page = browser.new_page()
    page.goto(origin)
    found = page.evaluate(CALL, f"http://127.0.0.1:{port}")
    page.close()
    return found


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    (tmp_path / "zoo").mkdir()
    tiny.add(tmp_path / "zoo", "tiny", seed=1)
    (tmp_path / "zoo" / "default.toml").write_text('default = "tiny"\n')
    return tmp_path / "zoo"


def test_an_allowed_origin_can_call_and_others_cannot(browser: Browser, zoo: Path, tmp_path: Path) -> None:
    answered = [200, 415, "/problems/unsupported-image", True, 404]
    with (
        empty_site() as allowed,
        empty_site() as other,
        serving(zoo, tmp_path, "--allowed-origins", allowed) as running,
    ):
        assert call(browser, allowed, running.port) == answered
        assert call(browser, other, running.port) == "TypeError: Failed to fetch"


def test_no_origin_can_call_by_default(browser: Browser, zoo: Path, tmp_path: Path) -> None:
    with empty_site() as other, serving(zoo, tmp_path) as running:
        assert call(browser, other, running.port) == "TypeError: Failed to fetch"


def test_a_request_whose_response_stays_hidden_changes_nothing(browser: Browser, zoo: Path, tmp_path: Path) -> None:
    with empty_site() as other, serving(zoo, tmp_path) as running:
        page = browser.new_page()
        page.goto(other)
        assert page.evaluate(SEND, f"http://127.0.0.1:{running.port}") == 0
        page.goto(f"http://127.0.0.1:{running.port}/")
        assert running.client.get("/collections").json()["collections"] == []
        assert page.evaluate(SEND, "") == 201
        assert [one["name"] for one in running.client.get("/collections").json()["collections"]] == ["planted"]
        page.close()
