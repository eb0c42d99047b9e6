"""A collection is stale once anything that its vectors depend on has changed, says what, and is mended by embedding
its images again: a service is stopped, its registry changes under the same weights, and another one starts.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import httpx
import pytest

from service.collections import staleness
from service.collections.collection import Item
from service.collections.fingerprint import OLDER_VERSION
from service.collections.store.sqlite import SqliteStore
from tests.api.routes.test_collections import made
from tests.api.routes.test_projections import job
from tests.api.test_real import running
from tests.api.test_reembed import alike
from tests.models import tiny
from tests.runtime.test_answers import picture

IMAGES = [picture(seed=seed) for seed in range(6)]
FRAME = "resize = 16\ncrop = 16"
LABELS = 'labels = ["healthy", "ill"]'

CHANGES: dict[str, tuple[str, str, str]] = {
    "resize": (FRAME, "resize = 24\ncrop = 16", "resize 24 instead of 16"),
    "crop": (FRAME, "resize = 16\ncrop = 8", "crop 8 instead of 16"),
    "mean": (FRAME, f"{FRAME}\nmean = [0.5, 0.5, 0.5]", "mean 0.5 0.5 0.5 instead of 0.485 0.456 0.406"),
    "std": (FRAME, f"{FRAME}\nstd = [0.5, 0.225, 0.225]", "std 0.5 0.225 0.225 instead of 0.229 0.224 0.225"),
    "interpolation": (FRAME, f'{FRAME}\ninterpolation = "nearest"', "interpolation nearest instead of bilinear"),
    "field of view": (FRAME, f"{FRAME}\nfield_of_view = true", "field_of_view True instead of False"),
    "default layer": (LABELS, f'{LABELS}\ndefault_layer = "0"', "maps are taken after layer '0' now"),
    "stages": (LABELS, f'{LABELS}\nstages = ["0", "1", "2", "3", "4", "5"]', "other stages"),
}
"""What stands in the entry, what takes its place, and words of the reason."""

HARMLESS = {
    "operating point": (LABELS, f"{LABELS}\noperating_point = 0.25"),
    "version": (LABELS, f'{LABELS}\nversion = "2.0.0"'),
    "the frame spelled out": (FRAME, f"{FRAME}\nmean = [0.485, 0.456, 0.406]\nfield_of_view = false"),
}
"""Changes of an entry on which no vector depends."""


async def fill(client: httpx.AsyncClient, name: str = "set", **more: object) -> None:
    await made(client, name, **more)
    files = [("image", image) for image in IMAGES]
    labels = [("label", "even" if i % 2 == 0 else "odd") for i in range(len(IMAGES))]
    answer = await client.post(f"/collections/{name}/items", params=labels, files=files)
    assert answer.status_code == 200, answer.text


async def filled(folder: Path, **more: object) -> None:
    async with running(folder) as client:
        await fill(client, **more)


async def reembed(client: httpx.AsyncClient) -> None:
    submitted = (await client.post("/collections/set/reembed")).json()
    done = await job(client, f"/jobs/{submitted['id']}", lambda found: found["finished"] is not None)
    assert (done["state"], done["error"]) == ("done", None)


def stored(folder: Path, name: str) -> list[Item]:
    store = SqliteStore(folder / "data" / "collections")
    found = [one for _, one in store.items.all(name)]
    store.close()
    return found


async def stale_and_mended(client: httpx.AsyncClient, folder: Path, words: str) -> None:
    """Everything that would compare is refused with the reason; embedded again, it is as if filled anew."""
    found = (await client.get("/collections/set")).json()
    assert (found["stale"], found["count"]) == (True, len(IMAGES))
    assert words in found["stale_reason"]
    for route in ("items", "neighbors", "projection/pca-2d/place"):
        answer = await client.post(f"/collections/set/{route}", content=IMAGES[0])
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/stale-collection"), route
        assert found["stale_reason"] in answer.json()["detail"]
        assert "POST /collections/set/reembed" in answer.json()["detail"]
    assert (await client.post("/collections/set/bias")).status_code == 409
    assert (await client.get("/collections/set/units/0")).status_code == 409
    await reembed(client)
    found = (await client.get("/collections/set")).json()
    assert (found["stale"], found["stale_reason"]) == (False, None)
    nearest = (await client.post("/collections/set/neighbors?k=6", content=IMAGES[3])).json()["neighbors"]
    assert (nearest[0]["id"], abs(nearest[0]["distance"]) < 1e-6) == (4, True)
    await fill(client, "anew", originals=True)
    assert all(alike(*pair) for pair in zip(stored(folder, "set"), stored(folder, "anew"), strict=True))


@pytest.mark.parametrize("change", CHANGES)
async def test_whatever_vectors_depend_on_makes_it_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Fails where the weights alone are compared (it did): the weights are the same in all of these."""
    before, after, words = CHANGES[change]
    assert before in tiny.ENTRY
    await filled(tmp_path, originals=True)
    monkeypatch.setattr(tiny, "ENTRY", tiny.ENTRY.replace(before, after))
    async with running(tmp_path) as client:
        await stale_and_mended(client, tmp_path, words)


async def test_so_does_another_way_to_read_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(tmp_path, originals=True)
    monkeypatch.setattr(staleness, "PREPROCESSING_VERSION", staleness.PREPROCESSING_VERSION + 1)
    async with running(tmp_path) as client:
        await stale_and_mended(client, tmp_path, "decodes or frames images in another way")


@pytest.mark.parametrize("change", HARMLESS)
async def test_nothing_else_makes_it_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    before, after = HARMLESS[change]
    await filled(tmp_path)
    monkeypatch.setattr(tiny, "ENTRY", tiny.ENTRY.replace(before, after))
    async with running(tmp_path) as client:
        assert (await client.get("/collections/set")).json()["stale"] is False
        nearest = (await client.post("/collections/set/neighbors?k=1", content=IMAGES[0])).json()["neighbors"]
        assert abs(nearest[0]["distance"]) < 1e-6


async def test_without_originals_it_says_to_import_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(tmp_path)
    monkeypatch.setattr(tiny, "ENTRY", tiny.ENTRY.replace(FRAME, "resize = 24\ncrop = 16"))
    async with running(tmp_path) as client:
        answer = await client.post("/collections/set/neighbors", content=IMAGES[0])
        assert (answer.status_code, "fill a new collection" in answer.json()["detail"]) == (409, True)
        answer = await client.post("/collections/set/reembed")
        assert (answer.status_code, "import the folder again" in answer.json()["detail"]) == (409, True)
        assert len((await client.get("/collections/set/items")).json()["items"]) == len(IMAGES)


async def test_a_collection_of_an_older_version_is_stale_until_it_is_embedded_again(tmp_path: Path) -> None:
    """Its file says by which weights it was filled, and not by which frame."""
    await filled(tmp_path, originals=True)
    with sqlite3.connect(tmp_path / "data" / "collections" / "collections.sqlite") as db:
        db.execute(
            "UPDATE collections SET fingerprint = json_object('weights_sha256', fingerprint ->> 'weights_sha256',"
            " 'layer', fingerprint ->> 'layer')"
        )
    db.close()
    async with running(tmp_path) as client:
        await stale_and_mended(client, tmp_path, OLDER_VERSION)


async def test_a_model_that_left_the_registry_is_the_reason(tmp_path: Path) -> None:
    await filled(tmp_path)
    with sqlite3.connect(tmp_path / "data" / "collections" / "collections.sqlite") as db:
        db.execute("UPDATE collections SET model = 'gone'")
    db.close()
    async with running(tmp_path) as client:
        found = (await client.get("/collections/set")).json()
        assert (found["stale"], found["stale_reason"]) == (True, "its model 'gone' is not in the registry any more")


async def test_a_change_between_two_looks_mixes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry is read again while an image is answered: old and new vectors are not compared."""
    async with running(tmp_path) as client:
        await fill(client, originals=True)
        library = client._transport.app.state.library  # type: ignore[attr-defined]
        embed = library.answers.embed
        entry = (tmp_path / "tiny.toml").read_text()

        async def reload_first(data: bytes, question: object) -> object:
            (tmp_path / "tiny.toml").write_text(entry.replace(FRAME, "resize = 24\ncrop = 16"))
            library.answers.registry.reload()
            return await embed(data, question)

        monkeypatch.setattr(library.answers, "embed", reload_first)
        answer = await client.post("/collections/set/neighbors", content=IMAGES[0])
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/stale-collection")
        assert "changed a moment ago" in answer.json()["detail"]


@pytest.mark.parametrize("change", ["mean", "resize", "default layer"])
async def test_within_one_service_nothing_of_the_old_frame_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The registry is read again; feature maps in the cache are of the same image and the same weights."""
    before, after, words = CHANGES[change]
    async with running(tmp_path) as client:
        await fill(client, originals=True)
        await client.post("/collections/set/neighbors", content=IMAGES[3])
        entry = (tmp_path / "tiny.toml").read_text()
        (tmp_path / "tiny.toml").write_text(entry.replace(before, after))
        client._transport.app.state.answers.registry.reload()  # type: ignore[attr-defined]
        await stale_and_mended(client, tmp_path, words)
    again = stored(tmp_path, "set")
    monkeypatch.setattr(tiny, "ENTRY", tiny.ENTRY.replace(before, after))
    (tmp_path / "fresh").mkdir()
    async with running(tmp_path / "fresh") as client:
        await fill(client, originals=True)
    assert all(alike(*pair) for pair in zip(again, stored(tmp_path / "fresh", "set"), strict=True))
