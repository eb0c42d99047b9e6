"""Images of a collection with masks, over HTTP: from the file that comes to the share outside it in the report."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.collections.store.sqlite import SqliteStore
from tests.api.routes.test_collections import made
from tests.api.routes.test_projections import job
from tests.api.test_real import running
from tests.api.test_reembed import of_other_weights
from tests.models import tiny
from tests.runtime.test_answers import picture


def mask(left: int = 8, right: int = 24, size: tuple[int, int] = (48, 32)) -> bytes:
    """White in some columns. The model sees columns 8 to 40 of 48, so these are the left half of what it sees."""
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[:, left:right] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def kept(folder: Path) -> list[np.ndarray | None]:
    store = SqliteStore(folder / "data" / "collections")
    found = [item.mask for _, item in store.items.all("set")]
    store.close()
    return found


LEFT = [1.0] * 8 + [0.0] * 8


async def test_masks_come_in_forms_and_in_json_beside_images_without(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await made(client)
        form = [("image", picture(1)), ("mask", mask()), ("image", picture(2)), ("mask", mask(24, 40))]
        answers = [
            await client.post("/collections/set/items", files=form),
            await client.post("/collections/set/items", json={"image": text(picture(3)), "mask": text(mask())}),
            await client.post("/collections/set/items", content=picture(4)),
        ]
        assert [one.status_code for one in answers] == [200, 200, 200]
        first, second, third, fourth = kept(tmp_path)
        assert first is not None
        assert second is not None
        assert third is not None
        assert first.tolist() == third.tolist() == [LEFT] * 16
        assert second.tolist() == [LEFT[::-1]] * 16
        assert fourth is None


def form(images: int, *masks: bytes) -> dict[str, Any]:
    files = [("image", picture(seed)) for seed in range(images)] + [("mask", one) for one in masks]
    return {"files": files}


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "another size": (form(1, mask(size=(32, 48))), 422, "the image's mask: it is 32 × 48 pixels and its image 48 × 32"),
    "nothing marked": (form(1, mask(5, 5)), 422, "the image's mask: it marks nothing"),
    "no picture": (form(1, b"hello"), 415, "the image's mask: The bytes are not an image"),
    "a damaged one": (form(1, mask()[:-20]), 422, "the image's mask: The PNG cannot be decoded"),
    "an empty one": (form(1, b""), 400, "the mask is empty; send a picture of the image's size that is white inside"),
    "an empty one of two": (form(2, mask(), b""), 400, "mask 2 of 2 is empty"),
    "too few": (form(2, mask()), 400, "the request has 2 images and 1 mask; send one mask per image"),
    "too many": (form(1, mask(), mask()), 400, "the request has 1 image and 2 masks; send one mask"),
    "no image": (form(0, mask()), 400, "the form has no field image"),
    "a field of another name": ({"files": {"masks": b"x"}}, 400, "masks in the field mask"),
    "no image in JSON": ({"json": {"mask": text(mask())}}, 400, "the JSON has no field image"),
    "no text in JSON": ({"json": {"image": text(picture(1)), "mask": 5}}, 400, "mask must be a base64 string"),
    "null in JSON": ({"json": {"image": text(picture(1)), "mask": None}}, 400, "mask must be a base64 string"),
    "too few in JSON": (
        {"json": {"image": [text(picture(1)), text(picture(2))], "mask": text(mask())}},
        400,
        "the request has 2 images and 1 mask",
    ),
}


async def test_what_is_wrong_with_a_mask_is_said_and_the_image_not_added(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await made(client)
        for fault, (request, status, words) in WRONG.items():
            answer = await client.post("/collections/set/items", **request)
            assert (answer.status_code, words in answer.json()["detail"]) == (status, True), (fault, answer.text)
        assert (await client.get("/collections/set")).json()["count"] == 0
        for route in ("/predict", "/collections/set/neighbors"):
            answer = await client.post(route, **form(1, mask()))
            assert (answer.status_code, answer.json()["detail"][:37]) == (400, "the form has an unknown field 'mask';")


@pytest.mark.parametrize("file_name", [b"", b'; filename=""'])
async def test_a_mask_field_that_a_browser_leaves_empty_is_no_mask(tmp_path: Path, file_name: bytes) -> None:
    parts = [(b'image"; filename="a.png"', picture(1)), (b'mask"' + file_name, b"")]
    start = b'--b\r\nContent-Disposition: form-data; name="%s\r\n\r\n%s\r\n'
    body = b"".join(start % part for part in parts) + b"--b--\r\n"
    async with running(tmp_path) as client:
        await made(client)
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = await client.post("/collections/set/items", content=body, headers=headers)
        assert (answer.status_code, answer.json()["results"][0]["status"]) == (200, "saved"), answer.text


async def test_only_the_image_whose_mask_is_wrong_is_not_added(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await made(client)
        answer = await client.post("/collections/set/items", **form(3, mask(), mask(5, 5), mask()))
        assert [one["status"] for one in answer.json()["results"]] == ["saved", 422, "saved"]
        assert (await client.get("/collections/set")).json()["count"] == 2


async def filled(client: httpx.AsyncClient, **more: object) -> None:
    await made(client, **more)
    for start in range(0, 40, 10):
        seeds = range(start, start + 10)
        files = [("image", picture(seed)) for seed in seeds] + [("mask", mask()) for _ in seeds]
        answer = await client.post(f"/collections/set/items?label={'ill' if start % 20 else 'healthy'}", files=files)
        assert answer.status_code == 200, answer.text


async def test_the_bias_report_has_shares_outside_the_masks(tmp_path: Path) -> None:
    """Left of the middle is inside: an even share outside is a half, and both sides' masks make up the whole."""
    async with running(tmp_path) as client:
        await filled(client)
        report = (await client.post("/collections/set/bias")).json()
        shares = [one for class_report in report["classes"] for one in class_report["outside"]]
        assert {one["region"] for one in shares} == {"mask"}
        assert {one["expected"] for one in shares} == {0.5}
        assert np.array_equal(report["anatomy"], [LEFT] * 16)
        class_report = next(one for one in report["classes"] if one["predicted"])
        assert class_report["outside"][0]["attention"] == pytest.approx(
            np.array(class_report["attention"])[:, 8:].sum(), abs=1e-5
        )


async def test_masks_stay_right_when_the_model_looks_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees columns 16 to 32 afterwards. Kept cells would still be of what the old frame showed (tried)."""
    async with running(tmp_path) as client:
        await made(client, originals=True)
        for seed in range(4):
            body = {"image": text(picture(seed)), "mask": text(mask(8, 20))}
            assert (await client.post("/collections/set/items", json=body)).status_code == 200
    assert [one.tolist() for one in kept(tmp_path) if one is not None] == [[[1.0] * 6 + [0.0] * 10] * 16] * 4
    of_other_weights(tmp_path)
    monkeypatch.setattr(tiny, "ENTRY", tiny.ENTRY.replace("resize = 16", "resize = 32"))
    for _ in range(2):  # and once more, from what the first time kept
        async with running(tmp_path) as client:
            assert (await client.get("/collections/set")).json()["stale"] is True
            asked = (await client.post("/collections/set/reembed")).json()
            done = await job(client, f"/jobs/{asked['id']}", lambda found: found["finished"] is not None)
            assert (done["state"], done["error"]) == ("done", None)
        assert [one.tolist() for one in kept(tmp_path) if one is not None] == [[[1.0] * 4 + [0.0] * 12] * 16] * 4
        of_other_weights(tmp_path)
