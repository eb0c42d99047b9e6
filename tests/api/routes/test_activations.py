"""POST /models/{name}/activations: three ways in, numbers or tiles out, and every refusal a problem."""

from __future__ import annotations

import base64
import io

import httpx
import pytest
from PIL import Image

from service.runtime.question import Question, UnitRequest
from tests.api.fakes import REFUSED, FakeAnswers

PATH = "/models/other/activations"


@pytest.mark.parametrize(
    "sent",
    [
        {"files": {"image": b"an image"}},
        {"content": b"an image", "headers": {"Content-Type": "image/png"}},
        {"json": {"image": base64.b64encode(b"an image").decode()}},
    ],
)
async def test_the_three_ways_of_sending_give_one_answer(client: httpx.AsyncClient, sent: dict) -> None:  # type: ignore[type-arg]
    answer = (await client.post(f"{PATH}?top=2", **sent)).json()
    assert answer["status"] == "ok"
    assert answer["model"]["name"] == "other"
    found = answer["activations"]
    assert (found["layer"], found["shape"]) == ("conv", [4, 2, 2])
    assert [one["unit"] for one in found["units"]] == [0, 1]
    assert found["units"][0]["grid"] == [[0.0, 2.5], [0.5, 0.0]]


async def test_what_the_query_asks(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    await client.post(f"{PATH}?units=3,1&units=%202&layer=conv&top=5", content=b"x")
    assert fake.asked[-1][1] == Question(model="other", layers=("conv",), unit_request=UnitRequest((3, 1, 2), 5))
    await client.post(PATH, content=b"x")
    assert fake.asked[-1][1] == Question(model="other", unit_request=UnitRequest())


async def test_tiles_as_a_picture_with_the_facts_in_headers(client: httpx.AsyncClient) -> None:
    response = await client.post(f"{PATH}?top=3", content=b"x", headers={"Accept": "image/png"})
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-fovea-layer"] == "conv"
    assert "SYNTHETIC" in response.headers["x-fovea-notice"]
    assert Image.open(io.BytesIO(response.content)).width > 2 * 112


@pytest.mark.parametrize(
    ("path", "headers", "status", "told"),
    [
        (f"{PATH}?units=one", {}, 422, "whole numbers from 0 on"),
        (f"{PATH}?units=-1", {}, 422, "whole numbers from 0 on"),
        (f"{PATH}?units=12345678901234567890", {}, 422, "whole numbers"),
        (f"{PATH}?top=0", {}, 422, "query parameter top"),
        (f"{PATH}?target=1", {}, 422, "takes no query parameter 'target'"),
        ("/models/nobody/activations", {}, 404, "there is no model 'nobody'"),
        ("/models/absent/activations", {}, 503, "fovea models verify absent"),
        (PATH, {"Accept": "text/html"}, 406, "application/json, image/png"),
    ],
)
async def test_what_cannot_be_answered(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], status: int, told: str
) -> None:
    response = await client.post(path, content=b"x", headers=headers)
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert told in response.json()["detail"]


async def test_a_refused_image_has_no_maps_and_no_picture(client: httpx.AsyncClient) -> None:
    answer = (await client.post(PATH, content=REFUSED)).json()
    assert answer["status"] == "refused"
    assert answer["activations"] is None
    assert (await client.post(PATH, content=REFUSED, headers={"Accept": "image/png"})).status_code == 422
    two = {"files": [("image", b"x"), ("image", b"y")]}
    assert (await client.post(PATH, **two, headers={"Accept": "image/png"})).status_code == 406
    assert len((await client.post(PATH, **two)).json()["results"]) == 2
