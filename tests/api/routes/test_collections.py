"""Collections over HTTP, on real answers: what is added is found again, and what cannot be is said."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx

from service.collections.store.sqlite import SqliteStore
from tests.api.fakes import encoded
from tests.api.test_real import running
from tests.collections.samples import collection
from tests.runtime.test_answers import picture

DARK = encoded("image/jpeg", 1)


async def made(client: httpx.AsyncClient, name: str = "set", **more: object) -> dict[str, object]:
    query = {"name": name, "model": "tiny", **more}
    response = await client.post("/collections", params=query)  # type: ignore[arg-type]
    assert response.status_code == 201, response.text
    return response.json()


async def test_images_come_in_all_three_ways_and_are_found_again(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        assert (await made(client))["count"] == 0
        form = [("image", picture(seed=seed)) for seed in (1, 2)]
        first = await client.post("/collections/set/items?label=a&label=b", files=form)
        await client.post("/collections/set/items?label=a&title=x.png", content=picture(seed=3))
        third = await client.post("/collections/set/items", json={"image": base64.b64encode(picture(seed=3)).decode()})
        assert [one["status"] for one in first.json()["results"]] == ["saved", "saved"]
        assert third.json()["results"][0]["status"] == "known"
        page = (await client.get("/collections/set/items?limit=2")).json()
        rest = (await client.get(f"/collections/set/items?after={page['next']}")).json()
        assert [one["label"] for one in page["items"] + rest["items"]] == ["a", "b", "a"]
        assert rest["next"] is None
        for query in ("", "&metric=l2", "&space=pixels", "&space=pixels&metric=l2"):
            answer = (await client.post(f"/collections/set/neighbors?k=2{query}", content=picture(seed=3))).json()
            nearest = answer["neighbors"]
            assert nearest[0]["name"] == "x.png"
            assert abs(nearest[0]["distance"]) < 1e-6
            assert len(nearest) == 2
            assert base64.b64decode(nearest[0]["thumbnail"]["base64"]).startswith(b"\xff\xd8")
            assert sum(answer["votes"].values()) == 2
            assert answer["exact"]
        number = rest["items"][0]["id"]
        assert (await client.get(f"/collections/set/items/{number}/thumbnail")).content.startswith(b"\xff\xd8")
        assert (await client.delete(f"/collections/set/items/{number}")).json()["name"] == "x.png"
        assert (await client.get(f"/collections/set/items/{number}/thumbnail")).status_code == 404
        assert (await client.delete("/collections/set")).json()["count"] == 2
        assert (await client.get("/collections")).json() == {"collections": []}


async def test_each_image_is_saved_or_has_its_problem(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await made(client, thumbnails=False)
        files = [("image", picture(seed=1)), ("image", b"no picture")]
        saved, problem = (await client.post("/collections/set/items", files=files)).json()["results"]
        assert saved["status"] == "saved"
        assert problem["status"] == 415
        assert (await client.get(f"/collections/set/items/{saved['id']}/thumbnail")).status_code == 404
        assert (await client.post("/collections/set/items?label=a&label=b&label=c", files=files)).status_code == 422
        assert (await client.get("/collections/set")).json()["count"] == 1


async def test_a_refused_image_is_not_added(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await made(client, model="guarded")
        answer = await client.post("/collections/set/items", content=DARK)
        assert answer.status_code == 422
        assert answer.json()["type"] == "/problems/refused-image"
        near = (await client.post("/collections/set/neighbors", content=DARK)).json()
        assert (near["status"], near["neighbors"]) == ("refused", [])
        assert (await client.get("/collections/set")).json()["count"] == 0


async def test_no_other_name_is_taken(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        for name in ("..", "%2e%2e", "a%2fb", "A", "x" * 65, "a'"):
            assert (await client.post(f"/collections?name={name}")).status_code == 422, name
        assert (await client.get("/collections/nothing")).status_code == 404


async def test_a_collection_of_other_weights_is_stale_and_compares_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        store = SqliteStore(tmp_path / "data" / "collections")
        store.collections.create(collection("old", "00" * 32, dim=4, layer="4"))
        store.close()
        found = (await client.get("/collections/old")).json()
        assert found["stale"] is True
        assert "the model has other weights now" in found["stale_reason"]
        for path in ("items", "neighbors"):
            answer = await client.post(f"/collections/old/{path}", content=picture(seed=1))
            assert (answer.status_code, answer.json()["type"]) == (409, "/problems/stale-collection")
            assert found["stale_reason"] in answer.json()["detail"]
            assert "fill a new collection" in answer.json()["detail"]
