"""Reports on collections over HTTP, made by real child processes."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx
import pytest

from service.collections.reports.html_page import POLICY
from service.collections.store.sqlite import SqliteStore
from tests.api.routes.test_collections import made
from tests.api.test_real import running
from tests.collections.samples import collection
from tests.runtime.test_answers import picture

IMAGES = [picture(seed=seed) for seed in range(32)]


async def filled(client: httpx.AsyncClient) -> None:
    await made(client)
    for start in range(0, len(IMAGES), 8):
        files = [("image", image) for image in IMAGES[start : start + 8]]
        assert (await client.post("/collections/set/items?label=healthy", files=files)).status_code == 200


async def test_a_report_comes_as_figures_and_as_a_page(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await filled(client)
        report = (await client.post("/collections/set/bias")).json()
        assert (report["collection"], report["images"]) == ("set", len(IMAGES))
        assert sum(one["predicted"] for one in report["classes"]) == len(IMAGES)
        assert report["verdict"] == "cannot_say"  # these pictures have no outside
        assert "fills every picture" in report["reason"]
        page = await client.post("/collections/set/bias", headers={"Accept": "text/html"})
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["content-security-policy"] == f"{POLICY}; frame-ancestors 'none'"
        assert page.text.startswith("<!doctype html>")
        assert "the collection set" in page.text


async def test_what_excites_a_unit_most_is_what_the_activations_say(tmp_path: Path) -> None:
    """The peaks kept of each image against the route that looks at one image."""
    async with running(tmp_path) as client:
        await filled(client)
        found = (await client.get("/collections/set/units/2?k=5")).json()
        assert (found["collection"], found["unit"], found["images"]) == ("set", 2, len(IMAGES))
        wanted = []
        for image in IMAGES:
            looked = (await client.post("/models/tiny/activations?units=2", content=image)).json()["activations"]
            assert looked["layer"] == found["layer"]
            wanted.append(looked["units"][0]["maximum"])
        assert [one["activation"] for one in found["items"]] == pytest.approx(
            sorted(wanted, reverse=True)[:5], rel=1e-3
        )
        first = await client.get(f"/collections/set/items/{found['items'][0]['id']}/thumbnail")
        assert base64.b64decode(found["items"][0]["thumbnail"]["base64"]) == first.content
        wrong = await client.get("/collections/set/units/99")
        assert (wrong.status_code, "units are 0 to" in wrong.json()["detail"]) == (422, True)


async def test_where_there_is_no_report_it_says_why(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data" / "collections")
    store.collections.create(collection("old", "0" * 64, dim=6, layer="4"))
    store.close()
    async with running(tmp_path) as client:
        await made(client)
        wanted = {"set": (409, "no images"), "old": (409, "weights"), "none": (404, "no collection")}
        for name, (status, words) in wanted.items():
            found = await client.post(f"/collections/{name}/bias")
            assert (found.status_code, words in found.json()["detail"]) == (status, True), found.text
        assert (await client.post("/collections/set/bias", headers={"Accept": "image/png"})).status_code == 406
        assert (await client.post("/collections/set/bias?layer=4")).status_code == 422
