"""Collections embedded again: as if they were filled anew, at once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.collections.collection import Item
from service.collections.staleness import fingerprint_of
from service.collections.store.sqlite import SqliteStore
from service.runtime.inference_service import InferenceService
from service.runtime.inspection import Inspection
from tests.api.routes.test_collections import DARK, made
from tests.api.routes.test_projections import job
from tests.api.test_real import running
from tests.api.test_serving import Running, serving
from tests.models import tiny
from tests.runtime.test_answers import picture, registry

IMAGES = [picture(seed=seed) for seed in range(20)]
OTHER = "00" * 32
KILLS = int(os.environ.get("FOVEA_TEST_KILLS", "3"))
SEEN = (
    "predicted",
    "probabilities",
    "embedding",
    "pixels",
    "unit_maxima",
    "maps",
    "mapped_classes",
    "field",
    "thumbnail",
    "original",
)


def kept(folder: Path) -> dict[int, Item]:
    store = SqliteStore(folder / "data" / "collections")
    found = dict(store.items.all("set"))
    store.close()
    return found


def of_other_weights(folder: Path) -> None:
    """As if other weights had filled it: the digest is theirs, and what they saw is nothing alike."""
    with sqlite3.connect(folder / "data" / "collections" / "collections.sqlite") as db:
        db.execute("UPDATE collections SET fingerprint = json_set(fingerprint, '$.weights_sha256', ?)", (OTHER,))
        db.execute("UPDATE vectors SET features = zeroblob(length(features)), predicted = 1 - predicted")
    db.close()


def alike(some: Item, other: Item) -> bool:
    """Whether they are the same but for rounding, which depends on what was computed together."""
    pairs = [(getattr(some, name), getattr(other, name)) for name in SEEN]
    return all(
        np.allclose(a, b, rtol=1e-3, atol=1e-5) if isinstance(a, np.ndarray) else a == b
        for a, b in pairs
    )  # fmt: skip


@asynccontextmanager
async def stale(folder: Path, **more: object) -> AsyncIterator[tuple[httpx.AsyncClient, dict[int, Item]]]:
    """A service with a stale collection, and its items as the present weights saw them."""
    async with running(folder) as client:
        await made(client, **{"originals": True, **more})
        for start in range(0, len(IMAGES), 10):
            files = [("image", one) for one in IMAGES[start : start + 10]]
            assert (await client.post("/collections/set/items", files=files)).status_code == 200
        fresh = kept(folder)
        of_other_weights(folder)
        assert (await client.get("/collections/set")).json()["stale"] is True
        yield client, fresh


class Gate:
    """Lets so many images be looked at, and no more until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
        self.looks, self.most, self.opened = 0, most, asyncio.Event()
        self._look = InferenceService.inspect

        async def inspect(answers: InferenceService, *given: Any) -> Inspection:
            self.looks += 1
            if self.looks > self.most:
                await self.opened.wait()
            return await self._look(answers, *given)

        monkeypatch.setattr(InferenceService, "inspect", inspect)


async def begun(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post("/collections/set/reembed")
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/jobs/{found['id']}"
    assert (found["kind"], found["collection"]) == ("reembedding", "set")
    return found


async def ended(client: httpx.AsyncClient, asked: dict[str, Any]) -> dict[str, Any]:
    return await job(client, f"/jobs/{asked['id']}", lambda found: found["finished"] is not None)


async def fresh_again(client: httpx.AsyncClient, folder: Path, expected: dict[int, Item]) -> None:
    assert (await client.get("/collections/set")).json()["stale"] is False
    found = kept(folder)
    assert found.keys() == expected.keys()
    assert all(alike(found[one], expected[one]) for one in found)


async def test_it_is_as_if_it_was_filled_anew(tmp_path: Path) -> None:
    async with stale(tmp_path) as (client, fresh):
        refused = await client.post("/collections/set/neighbors", content=IMAGES[0])
        assert refused.status_code == 409
        assert "POST /collections/set/reembed" in refused.json()["detail"]
        done = await ended(client, await begun(client))
        assert (done["state"], done["error"], done["result"]) == ("done", None, "/collections/set")
        await fresh_again(client, tmp_path, fresh)
        near = (await client.post("/collections/set/neighbors?k=1", content=IMAGES[7])).json()["neighbors"]
        assert near[0]["distance"] < 1e-4
        again = await ended(client, await begun(client))  # nothing is left to be done
        assert again["state"] == "done"


async def test_without_originals_it_says_what_would_be_right(tmp_path: Path) -> None:
    async with stale(tmp_path, originals=False) as (client, _):
        answer = await client.post("/collections/set/reembed")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/stale-collection")
        assert "import the folder again" in answer.json()["detail"]
        assert (await client.get("/jobs")).json() == {"jobs": []}
        assert (await client.post("/collections/none/reembed")).status_code == 404


async def test_cancelled_it_is_as_before_and_goes_on_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stale(tmp_path) as (client, fresh):
        before = kept(tmp_path)
        gate = Gate(monkeypatch, 17)
        asked = await begun(client)
        half = await job(client, f"/jobs/{asked['id']}", lambda found: found["progress"] > 0)
        assert (half["progress"], half["stage"]) == (0.8, "16 of 20 images embedded again")
        assert (await client.get("/collections/set")).json()["stale"] is True
        assert (await client.get("/collections/set/items/3/thumbnail")).status_code == 200
        assert (await client.delete(f"/jobs/{asked['id']}")).json()["state"] == "cancelled"
        for now, then in zip(kept(tmp_path).values(), before.values(), strict=True):
            assert all(np.array_equal(getattr(now, name), getattr(then, name)) for name in SEEN)
        gate.opened.set()
        gate.looks = 0
        assert (await ended(client, await begun(client)))["state"] == "done"
        assert gate.looks == 4
        await fresh_again(client, tmp_path, fresh)


async def test_what_comes_and_goes_meanwhile_is_right_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removed here; added by a process that still has the old weights."""
    async with stale(tmp_path) as (client, fresh):
        gate = Gate(monkeypatch, 17)
        asked = await begun(client)
        await job(client, f"/jobs/{asked['id']}", lambda found: found["progress"] > 0)
        for number in (2, 18):  # one that was embedded, and one that was not
            assert (await client.delete(f"/collections/set/items/{number}")).status_code == 200
            del fresh[number]
        store = SqliteStore(tmp_path / "data" / "collections")
        late = replace(fresh[1], sha256="ff" * 32, embedding=np.zeros(4, np.float32))
        (added,) = store.items.add("set", [late], store.collections.get("set").fingerprint)
        store.close()
        gate.opened.set()
        assert (await ended(client, asked))["state"] == "done"
        await fresh_again(client, tmp_path, fresh | {added.id: fresh[1]})
        assert (await client.get("/collections/set")).json()["count"] == 19


async def test_what_the_model_refuses_now_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    async with stale(tmp_path, model="guarded") as (client, fresh):
        store = SqliteStore(tmp_path / "data" / "collections")
        (dark,) = store.items.add("set", [replace(fresh[1], sha256="ff" * 32, name="dark.jpg", original=DARK)])
        store.close()
        failed = await ended(client, await begun(client))
        assert (failed["state"], failed["error"]["type"]) == ("failed", "/problems/bad-parameter")
        assert f"item {dark.id} (dark.jpg)" in failed["error"]["detail"]
        assert (await client.get("/collections/set")).json()["stale"] is True
        await client.delete(f"/collections/set/items/{dark.id}")
        assert (await ended(client, await begun(client)))["state"] == "done"
        await fresh_again(client, tmp_path, fresh)


async def test_somebody_else_who_does_the_same_and_is_quicker_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stale(tmp_path) as (client, fresh):
        gate = Gate(monkeypatch, 17)
        asked = await begun(client)
        await job(client, f"/jobs/{asked['id']}", lambda found: found["progress"] > 0)
        store = SqliteStore(tmp_path / "data" / "collections")
        now = fingerprint_of(client._transport.app.state.answers.registry.get("tiny"))  # type: ignore[attr-defined]
        store.reembeddings.begin("set", now)
        store.reembeddings.save("set", now, {number: fresh[number] for number in store.reembeddings.pending("set")})
        assert store.reembeddings.finish("set", replace(store.collections.get("set"), fingerprint=now))
        store.close()
        gate.opened.set()
        assert (await ended(client, asked))["state"] == "done"
        await fresh_again(client, tmp_path, fresh)


@pytest.mark.parametrize("again", [False, True])
async def test_a_collection_deleted_meanwhile_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """again: another one of its name is there by then, and gets nothing of it."""
    async with stale(tmp_path) as (client, _):
        gate = Gate(monkeypatch, 17)
        asked = await begun(client)
        await job(client, f"/jobs/{asked['id']}", lambda found: found["progress"] > 0)
        await client.delete("/collections/set")
        if again:
            await made(client)
        gate.opened.set()
        last = await ended(client, asked)
        if again:
            assert (await client.get("/collections/set")).json()["count"] == 0
        else:
            assert (last["state"], last["error"]["type"]) == ("failed", "/problems/unknown-name")


def finished(running: Running, number: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = running.client.get(f"/jobs/{number}").json()
        if found["finished"] is not None:
            return found
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_at_random_moments_it_is_old_or_new_and_goes_on(tmp_path: Path) -> None:
    """Fails where the new weights take over before all is there (tried)."""
    zoo, random = tmp_path / "zoo", np.random.default_rng(3)
    zoo.mkdir()
    registry(zoo)
    with serving(zoo, tmp_path) as server:
        server.client.post("/collections?name=set&originals=true").raise_for_status()
        for start in range(0, 120, 10):
            files = [("image", picture(seed)) for seed in range(start, start + 10)]
            server.client.post("/collections/set/items", files=files).raise_for_status()
    before, weights = kept(tmp_path), tiny.add(zoo, "tiny", seed=9)
    for kill in range(KILLS + 1):
        if filled_by(tmp_path) == weights:  # the last one was killed too late: once more, for others
            before, weights = kept(tmp_path), tiny.add(zoo, "tiny", seed=10 + kill)
        with serving(zoo, tmp_path) as server:
            old_or_new(server, tmp_path, before)
            asked = server.client.post("/collections/set/reembed").json()
            if kill < KILLS:
                time.sleep(float(random.uniform(0, 1.5)))
                server.process.kill()
                continue
            assert finished(server, asked["id"])["state"] == "done"
            assert old_or_new(server, tmp_path, before) == "new"
            near = server.client.post("/collections/set/neighbors?k=1", content=picture(5)).json()
            assert near["neighbors"][0]["distance"] < 1e-4


def filled_by(folder: Path) -> str:
    store = SqliteStore(folder / "data" / "collections")
    found = store.collections.get("set").fingerprint.weights_sha256
    store.close()
    return found


def old_or_new(server: Running, folder: Path, before: dict[int, Item]) -> str:
    shown, found = server.client.get("/collections/set").json(), kept(folder)
    assert shown["count"] == len(found) == len(before)
    same = [np.array_equal(found[one].embedding, before[one].embedding) for one in found]
    assert all(same) if shown["stale"] else not any(same)
    return "old" if shown["stale"] else "new"
