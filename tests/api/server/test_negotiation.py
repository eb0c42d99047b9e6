"""The Accept header: q-values, wildcards, and what it means for /explain."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest

from service.api.server.negotiation import choose
from service.errors import NotAcceptable
from tests.api.fakes import NOTICE, REFUSED, FakeAnswers, encoded, explanation

OFFERED = ("application/json", "image/png", "image/jpeg")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("image/png", "image/png"),
        ("IMAGE/PNG", "image/png"),
        ("image/*", "image/png"),
        ("image/jpeg, image/png", "image/png"),
        ("image/jpeg;q=0.9, image/png;q=0.8", "image/jpeg"),
        ("image/png;q=0.5, */*;q=0.1", "image/png"),
        ("image/*;q=0.5, image/png;q=0", "image/jpeg"),
        ("*/*, application/json;q=0", "image/png"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("image/png;version=1;q=1", "image/png"),
        ("image/png;q=abc, image/jpeg", "image/jpeg"),
        ("image/png; q=0.2 , image/jpeg ; q=0.3", "image/jpeg"),
        (",,;,image/png", "image/png"),
    ],
)
def test_what_a_client_likes_best_is_chosen(accept: str | None, form: str) -> None:
    assert choose(accept, OFFERED) == form


@pytest.mark.parametrize(
    "accept", ["text/html", "image/gif", "application/json;q=0", "*/*;q=0", "json", "image/png;q=nan"]
)
def test_what_does_not_exist_is_said_with_what_does(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="application/json, image/png, image/jpeg"):
        choose(accept, OFFERED)


@pytest.mark.parametrize("form", ["image/png", "image/jpeg"])
async def test_explain_gives_the_picture_itself(client: httpx.AsyncClient, fake: FakeAnswers, form: str) -> None:
    response = await client.post("/explain/gradcam?target=healthy", content=b"x", headers={"Accept": form})
    assert response.status_code == 200
    assert response.headers["content-type"] == form
    assert response.content == encoded(form, 10)
    assert fake.asked[0][1].overlay
    assert fake.asked[0][1].overlay_type == form


async def test_a_picture_brings_the_answers_facts_in_headers(client: httpx.AsyncClient) -> None:
    response = await client.post("/explain/gradcam?target=healthy", content=b"x", headers={"Accept": "image/png"})
    facts = {name: value for name, value in response.headers.items() if name.startswith("x-fovea-")}
    whole = (await client.post("/explain/gradcam?target=healthy", content=b"x")).json()
    assert facts["x-fovea-model"] == "tiny"
    assert facts["x-fovea-notice"].isascii()
    assert httpx.QueryParams(f"n={facts['x-fovea-notice']}")["n"] == NOTICE
    assert facts["x-fovea-target"] == "healthy"
    assert facts["x-fovea-target-index"] == "0"
    assert facts["x-fovea-probability"] == "0.25"
    assert facts["x-fovea-region"] == "5,0,25,20"
    assert facts["x-fovea-empty"] == "false"
    assert facts["x-fovea-weights-sha256"] == whole["model"]["weights_sha256"]
    assert facts["x-fovea-image-sha256"] == whole["image"]["sha256"]


async def test_npy_holds_the_raw_maps_that_json_tells_of(client: httpx.AsyncClient) -> None:
    address = "/explain/gradcam?target=1&target=0"
    response = await client.post(address, content=b"x", headers={"Accept": "application/x-npy"})
    assert response.headers["content-type"] == "application/x-npy"
    raw = np.load(io.BytesIO(response.content), allow_pickle=False)
    maps = (await client.post(address, content=b"x")).json()["explanation"]["maps"]
    assert raw.dtype == np.float32
    assert raw.shape == (2, 3, 2)
    assert np.array_equal(raw, np.array([one["grid"] for one in maps], np.float32))


async def test_json_keeps_every_bit_of_the_grid(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    said = (await client.post("/explain/gradcam", content=b"x")).json()["explanation"]["maps"][0]
    seed = int((await client.post("/predict", content=b"x")).json()["image"]["sha256"][:8], 16)
    grid = explanation("gradcam", [1], seed, fake.asked[0][1]).maps[0].grid
    assert np.array_equal(np.array(said["grid"], np.float32), grid)
    assert said["minimum"] == min(map(min, said["grid"]))
    assert said["maximum"] == max(map(max, said["grid"]))


@pytest.mark.parametrize("form", ["image/png", "application/x-npy"])
async def test_several_images_have_no_picture(client: httpx.AsyncClient, fake: FakeAnswers, form: str) -> None:
    files = [("image", ("a", b"x")), ("image", ("b", b"y"))]
    response = await client.post("/explain/gradcam", files=files, headers={"Accept": form})
    assert response.status_code == 406
    assert "2 images are answered in JSON only" in response.json()["detail"]
    assert not fake.asked


@pytest.mark.parametrize("form", ["image/png", "application/x-npy"])
async def test_a_refused_image_has_no_picture(client: httpx.AsyncClient, form: str) -> None:
    response = await client.post("/explain/gradcam", content=REFUSED, headers={"Accept": form})
    assert response.status_code == 422
    assert response.json()["type"] == "/problems/refused-image"
    assert "out_of_distribution" in response.json()["detail"]


async def test_an_unknown_form_is_refused_before_the_body_is_read(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    response = await client.post("/explain/gradcam", content=b"x", headers={"Accept": "text/html"})
    assert response.status_code == 406
    assert "image/png" in response.json()["detail"]
    assert not fake.asked
