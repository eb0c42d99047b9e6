"""Maps over HTTP, made by real child processes."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.collections.projection import Projection, ProjectionFacts
from service.collections.store.sqlite import SqliteStore
from service.collections.store.sqlite.collections import VERSION_STEP
from service.jobs import queue
from tests.api.routes.test_collections import DARK, made
from tests.api.test_real import children, running
from tests.api.test_serving import Running, serving
from tests.collections.clouds import fill
from tests.runtime.test_answers import picture

MAP = "/collections/set/projection"
IMAGES = [picture(seed=seed) for seed in range(14)]


async def filled(client: httpx.AsyncClient, count: int = len(IMAGES)) -> None:
    await made(client)
    files = [("image", image) for image in IMAGES[:count]]
    labels = "&".join(f"label={'even' if i % 2 == 0 else 'odd'}" for i in range(count))
    response = await client.post(f"/collections/set/items?{labels}", files=files)
    assert response.status_code == 200, response.text


async def job(client: httpx.AsyncClient, path: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(120):
        while True:
            found: dict[str, Any] = (await client.get(path)).json()
            if until(found):
                return found
            await asyncio.sleep(0.02)


async def mapped(client: httpx.AsyncClient, query: str) -> dict[str, Any]:
    asked = await client.post(f"{MAP}?{query}")
    assert asked.status_code == 202, asked.text
    assert asked.json()["state"] in {"waiting", "running"}
    assert asked.headers["location"] == f"/jobs/{asked.json()['id']}"
    done = await job(client, asked.headers["location"], lambda found: found["finished"] is not None)
    assert (done["state"], done["error"]) == ("done", None)
    found: dict[str, Any] = (await client.get(done["result"])).json()
    return found


async def test_maps_are_made_shown_and_joined_by_images(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await filled(client)
        found = await mapped(client, "method=pca&dimensions=3")
        assert (found["projection"], found["images"], found["outdated"]) == ("pca-3d", 14, False)
        assert found["labels"] == ["even", "odd"]
        assert found["points"]["label"] == [i % 2 for i in range(14)]
        assert 0.9 < sum(found["quality"]["explained_variance"]) <= 1 + 1e-9
        for number, image in enumerate(IMAGES[:3]):
            answer = (await client.post(f"{MAP}/pca-3d/place", content=image)).json()
            assert np.allclose(answer["placement"]["coordinates"], found["points"]["coordinates"][number], atol=1e-4)
            nearest = answer["placement"]["nearest"]
            assert (nearest[0]["id"], nearest[0]["label"]) == (
                found["points"]["ids"][number],
                found["labels"][number % 2],
            )
            assert [one["distance"] for one in nearest] == sorted(one["distance"] for one in nearest)
            assert answer["predictions"]
        tsne = await mapped(client, "method=tsne&perplexity=4&seed=3")
        assert tsne["parameters"] == {"perplexity": 4, "seed": 3}
        assert tsne["quality"]["kl_divergence"] > 0
        several = await client.post(f"{MAP}/tsne-2d/place", files=[("image", one) for one in (IMAGES[0], b"no", DARK)])
        assert [one.get("status") for one in several.json()["results"]] == ["ok", 415, "ok"]
        drawn = await client.get(f"{MAP}/tsne-2d", headers={"Accept": "image/png"})
        assert drawn.headers["content-type"] == "image/png"
        with Image.open(io.BytesIO(drawn.content)) as image:
            assert image.size == (1200, 800)
        await client.post("/collections/set/items", content=picture(seed=99))
        listed = (await client.get(MAP)).json()["projections"]
        assert [(one["projection"], one["outdated"]) for one in listed] == [("pca-3d", True), ("tsne-2d", True)]
        assert (await client.post(f"{MAP}/tsne-2d/place", content=picture(seed=99))).json()["placement"]
        assert (await client.delete(f"{MAP}/pca-3d")).json()["projection"] == "pca-3d"
        for gone in (await client.get(f"{MAP}/pca-3d"), await client.post(f"{MAP}/pca-3d/place", content=IMAGES[0])):
            assert (gone.status_code, gone.json()["type"]) == (404, "/problems/unknown-name")


REFUSED = {
    "method=pca&perplexity=3": "pca takes no parameter of its own",
    "method=tsne&perplexity=5": "at most 4.3",
    "method=umap&neighbors=14": "needs more than 14 images",
    "method=lle": "method",
    "method=pca&dimensions=4": "dimensions",
    "method=tsne&perplexity=nan": "perplexity",
    "method=umap&min_dist=1": "min_dist",
    "method=pca&x=1": "takes no query parameter",
    "": "method",
}
"""Queries, and words of the reason."""


async def test_what_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await filled(client)
        for query, words in REFUSED.items():
            answer = await client.post(f"{MAP}?{query}")
            assert answer.status_code == 422, query
            assert words in answer.json()["detail"], query
        assert (await client.get("/jobs")).json() == {"jobs": []}


async def test_nothing_to_map_and_nothing_to_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as client:
        await made(client)
        assert (await client.get(MAP)).json()["projections"] == []
        assert "needs at least 2 images" in (await client.post(f"{MAP}?method=pca")).json()["detail"]
        assert (await client.post("/collections/none/projection?method=pca")).status_code == 404
        assert (await client.get(f"{MAP}/pca-2d")).status_code == 404
        assert (await client.get(f"{MAP}/pca-2d", headers={"Accept": "image/webp"})).status_code == 406
        monkeypatch.setattr(queue, "MAX_WAITING", 0)
        await client.post("/collections/set/items", files=[("image", image) for image in IMAGES])
        full = await client.post(f"{MAP}?method=pca")
        assert full.status_code == 429
        assert int(full.headers["retry-after"]) > 1


async def test_a_cancelled_job_leaves_no_map_and_no_process(tmp_path: Path) -> None:
    """And while it ran, predictions came."""
    store = SqliteStore(tmp_path / "data" / "collections")
    fill(store, 2500)
    store.close()
    before = set(children())
    async with running(tmp_path) as client:
        decoders = set(children())
        asked = (await client.post(f"{MAP}?method=tsne")).json()
        await job(client, f"/jobs/{asked['id']}", lambda found: found["progress"] > 0.2)
        assert len(set(children()) - decoders) == 1
        assert (await client.post("/predict", content=IMAGES[0])).status_code == 200
        stopped = (await client.delete(f"/jobs/{asked['id']}")).json()
        assert (stopped["state"], stopped["result"]) == ("cancelled", None)
        assert set(children()) == decoders
        assert (await client.get(MAP)).json()["projections"] == []
    assert set(children()) <= before


async def test_a_collection_deleted_meanwhile_fails_its_job(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data" / "collections")
    fill(store, 400)
    store.close()
    async with running(tmp_path) as client:
        asked = (await client.post(f"{MAP}?method=tsne")).json()
        await job(client, f"/jobs/{asked['id']}", lambda found: found["progress"] > 0.2)
        await client.delete("/collections/set")
        failed = await job(client, f"/jobs/{asked['id']}", lambda found: found["finished"] is not None)
        assert (failed["state"], failed["error"]["type"]) == ("failed", "/problems/unknown-name")


async def test_a_projection_of_replaced_vectors_places_nothing(tmp_path: Path) -> None:
    """As one made before its collection was embedded again, whether the weights or the frame changed."""
    async with running(tmp_path) as client:
        await filled(client)
        await mapped(client, "method=pca")
        store = SqliteStore(tmp_path / "data" / "collections")
        found = store.projections.get("set", "pca-2d")
        older = replace(found.facts.revision, generation=found.facts.revision.generation + VERSION_STEP)
        text = replace(found.facts, revision=older).dumps()
        with store.connection.transaction() as db:
            db.execute("UPDATE projections SET facts = ?", (text,))
        store.close()
        assert (await client.get(f"{MAP}/pca-2d")).json()["outdated"]
        answer = await client.post(f"{MAP}/pca-2d/place", content=IMAGES[0])
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/stale-collection")
        assert "make it again" in answer.json()["detail"]


async def test_labels_of_strangers_are_text_in_points_and_pictures(tmp_path: Path) -> None:
    hostile = ["<script>alert(1)</script>", "$\\frac{1}{0}", "\x1b[31m\u202egnp.exe", "網膜", "_", "é" * 200]
    async with running(tmp_path) as client:
        await made(client)
        query = [("label", hostile[i % len(hostile)]) for i in range(len(IMAGES))]
        files = [("image", image) for image in IMAGES]
        answer = await client.post("/collections/set/items", params=query, files=files)
        assert answer.status_code == 200, answer.text
        found = await mapped(client, "method=pca")
        assert found["labels"] == sorted(hostile)
        drawn = await client.get(f"{MAP}/pca-2d", headers={"Accept": "image/png"})
        assert drawn.content.startswith(b"\x89PNG")
        huge = await client.post("/collections/set/items", params={"label": "x" * 10_000}, content=picture(seed=50))
        assert huge.status_code == 422


async def test_a_stale_collection_shows_its_maps_and_places_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data" / "collections")
    fill(store, 20)
    store.close()
    async with running(tmp_path) as client:
        assert len((await mapped(client, "method=pca"))["points"]["ids"]) == 20
        answer = await client.post(f"{MAP}/pca-2d/place", content=IMAGES[0])
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/stale-collection")


async def test_a_refused_image_has_no_place(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await made(client, model="guarded")
        store = SqliteStore(tmp_path / "data" / "collections")
        fingerprint = store.collections.get("set").fingerprint
        store.collections.delete("set")
        fill(store, 20, model="guarded", seen_by=fingerprint)
        store.close()
        await mapped(client, "method=pca")
        answer = (await client.post(f"{MAP}/pca-2d/place", content=DARK)).json()
        assert (answer["status"], answer["placement"]) == ("refused", None)


def followed(server: Running, number: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found: dict[str, Any] = server.client.get(f"/jobs/{number}").json()
        if until(found):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def test_a_service_killed_in_the_middle_of_a_job_loses_nothing_else(zoo: Path, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data" / "collections")
    fill(store, 2500)
    older = ProjectionFacts(
        "tsne", 2, {"perplexity": 9.0}, {"kl_divergence": 1.0}, 2500, store.collections.revision("set"), 1.0
    )
    ids, vectors = store.items.vectors("set", "features")
    store.projections.save("set", Projection(older, ids, vectors[:, :2].copy()))
    store.close()
    with serving(zoo, tmp_path) as server:
        pca = server.client.post(f"{MAP}?method=pca").json()
        followed(server, pca["id"], lambda found: found["state"] == "done")
        running, waiting = (
            server.client.post(f"{MAP}?method={query}").json() for query in ("tsne", "pca&dimensions=3")
        )
        followed(server, running["id"], lambda found: found["progress"] > 0.2)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    with serving(zoo, tmp_path) as server:
        followed(server, waiting["id"], lambda found: found["state"] == "done")
        states = {one["id"]: one for one in server.client.get("/jobs").json()["jobs"]}
        assert states[pca["id"]]["state"] == "done"
        assert states[running["id"]]["state"] == "interrupted"
        assert states[running["id"]]["error"]["type"] == "/problems/job-failed"
        assert server.client.get("/collections/set").json()["count"] == 2500
        maps = [one["projection"] for one in server.client.get(MAP).json()["projections"]]
        assert maps == ["pca-2d", "pca-3d", "tsne-2d"]
        kept = server.client.get(f"{MAP}/tsne-2d").json()
        assert (kept["created"], kept["quality"], kept["outdated"]) == (1.0, {"kl_divergence": 1.0}, False)
        assert np.allclose(kept["points"]["coordinates"], vectors[:, :2])
