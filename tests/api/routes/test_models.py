"""What the service says of its models and methods."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.explain.methods import METHODS
from service.models.filters import filters
from tests.api.fakes import FakeAnswers


async def test_all_models_are_listed_with_their_state(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/models")).json()
    assert listed["default"] == "tiny"
    assert {row["name"]: row["state"] for row in listed["models"]} == {
        "tiny": "ready",
        "other": "ready",
        "absent": "missing",
        "broken": "failed",
    }
    problems = {row["name"]: row["problem"] for row in listed["models"]}
    assert problems["tiny"] == ""
    assert "fovea models verify absent" in problems["absent"]
    assert "frame.resize" in problems["broken"]


async def test_a_ready_model_tells_all(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    told = (await client.get("/models/tiny")).json()
    classifier = fake.registry.get("tiny")
    assert told["labels"] == ["healthy", "ill"]
    assert told["card"]["intended_use"] == "tests"
    assert told["weights_sha256"] == classifier.weights_sha256
    assert {layer["name"]: tuple(layer["shape"]) for layer in told["layers"]} == dict(classifier.shapes)
    assert told["default_layer"] == classifier.cut
    assert [method["name"] for method in told["methods"]] == list(METHODS)
    assert all(method["applies"] == (method["reason"] is None) for method in told["methods"])
    assert told["embedding"] == {"layer": classifier.embedding_layer, "dim": 4}
    assert told["engine"] == {"name": classifier.engine.name, "precision": "f32", "parity": None}


@pytest.mark.parametrize(("name", "state"), [("absent", "missing"), ("broken", "failed")])
async def test_a_model_that_cannot_answer_still_tells_what_is_known(
    client: httpx.AsyncClient, name: str, state: str
) -> None:
    told = (await client.get(f"/models/{name}")).json()
    assert told["state"] == state
    assert told["problem"]
    assert told["layers"] is told["methods"] is told["engine"] is None


async def test_an_unknown_model_is_a_404_that_lists_the_known(client: httpx.AsyncClient) -> None:
    for path in ("/models/nobody", "/models/nobody/filters", "/models/..%2f..%2fetc"):
        response = await client.get(path)
        assert response.status_code == 404
    assert "tiny" in (await client.get("/models/nobody")).json()["detail"]


async def test_filters_as_a_picture_and_as_numbers(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    name, weights = filters(fake.registry.get("tiny").network)
    picture = await client.get("/models/tiny/filters")
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).mode == "RGB"
    numbers = (await client.get("/models/tiny/filters", headers={"Accept": "application/json"})).json()
    assert numbers["layer"] == name
    assert numbers["shape"] == list(weights.shape)
    assert np.array_equal(np.array(numbers["weights"], np.float32), weights)
    same = await client.get(f"/models/tiny/filters?layer={name}")
    assert same.content == picture.content


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/models/tiny/filters?layer=nothing", "*/*", 404),
        ("/models/tiny/filters", "text/html", 406),
        ("/models/absent/filters", "*/*", 503),
        ("/models/tiny/filters?layer=0&layer=1", "*/*", 422),
    ],
)
async def test_filters_that_cannot_be_shown(client: httpx.AsyncClient, path: str, accept: str, status: int) -> None:
    response = await client.get(path, headers={"Accept": accept})
    assert (response.status_code, response.json()["status"]) == (status, status)


async def test_too_many_weights_are_given_as_a_picture_only(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.schemas.unit_images.MAX_JSON_WEIGHTS", 10)
    response = await client.get("/models/tiny/filters", headers={"Accept": "application/json"})
    assert response.status_code == 406
    assert "accept image/png" in response.json()["detail"]


async def test_every_method_of_the_table_is_described(client: httpx.AsyncClient) -> None:
    told: list[dict[str, Any]] = (await client.get("/methods")).json()["methods"]
    assert [row["name"] for row in told] == list(METHODS)
    for row, method in zip(told, METHODS.values(), strict=True):
        assert row["paper"] == method.paper
        assert row["formula"]
        assert (row["forwards"], row["slow"]) == (method.forwards, method.slow)
        assert (row["reads"], row["head"]) == (method.reads, method.head)
        assert row["parameters"] == method.parameters.model_json_schema()
