"""Entity tags: 304 for a client that has the current content, and the content as soon as it differs."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from service.models.registry import Registry
from tests.api.fakes import FakeAnswers

PATHS = ["/models", "/methods", "/openapi.json"]


@pytest.mark.parametrize("path", PATHS)
async def test_current_content_is_not_sent_again(client: httpx.AsyncClient, path: str) -> None:
    first = await client.get(path)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    assert first.headers["cache-control"] == "no-cache"
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await client.get(path, headers={"If-None-Match": condition})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag), condition
        assert (await client.head(path, headers={"If-None-Match": condition})).status_code == 304
    for condition in ('"other"', "", etag.strip('"')):
        changed = await client.get(path, headers={"If-None-Match": condition})
        assert (changed.status_code, changed.content) == (200, first.content), condition


async def test_a_changed_state_has_another_tag(
    client: httpx.AsyncClient, fake: FakeAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await client.get("/models")
    now = fake.registry.now
    gone = replace(now, by_name={name: replace(status, problem="gone") for name, status in now.by_name.items()})
    monkeypatch.setattr(Registry, "now", gone)
    after = await client.get("/models", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]
    assert after.json()["models"][0]["problem"] == "gone"
