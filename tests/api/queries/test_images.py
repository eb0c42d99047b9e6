"""Query parameters of the image routes become a Question, or an error that names the parameter."""

from __future__ import annotations

import httpx
import pytest

from service.api.queries.images import AnalyzeQuery, ExplainQuery
from service.api.queries.methods import find_method
from service.explain.methods import METHODS
from service.runtime.question import Question
from tests.api.fakes import FakeAnswers


async def asked(client: httpx.AsyncClient, fake: FakeAnswers, address: str) -> Question:
    response = await client.post(address, content=b"x")
    assert response.status_code == 200, response.text
    return fake.asked[-1][1]


async def test_an_empty_query_takes_every_default(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    assert await asked(client, fake, "/predict") == Question()
    assert await asked(client, fake, "/explain/gradcam") == Question(methods=("gradcam",))
    assert await asked(client, fake, "/embed") == Question(embed=True)
    assert await asked(client, fake, "/analyze") == Question()


async def test_a_layer_to_embed_at_reaches_the_question(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    assert await asked(client, fake, "/embed?layer=0") == Question(layers=("0",), embed=True)


async def test_every_parameter_reaches_the_question(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    address = (
        "/explain/finercam?model=other&top_k=1&target=ill&target=0&top_k_targets=2&versus=healthy"
        "&layer=2&layer=0&fusion=mean&boxes=true&overlay=1&colormap=viridis&quality=true&gamma=0.25&base=layercam"
    )
    assert await asked(client, fake, address) == Question(
        model="other",
        top_k=1,
        methods=("finercam",),
        parameters={"gamma": 0.25, "base": "layercam"},
        targets=("ill", "0"),
        top_k_targets=2,
        versus=("healthy",),
        layers=("2", "0"),
        fusion="mean",
        quality=True,
        boxes=True,
        overlay=True,
        colormap="viridis",
    )


async def test_a_label_may_hold_a_comma(client: httpx.AsyncClient) -> None:
    response = await client.post("/explain/gradcam?target=great white shark, white shark", content=b"x")
    assert response.status_code == 404
    assert "'great white shark, white shark'" in response.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "methods=gradcam,gradcam%2B%2B,layercam",
        "methods=gradcam,gradcam++,layercam",
        "methods=gradcam&methods=gradcam%2B%2B&methods=layercam",
        "methods=gradcam,,gradcam++&methods=layercam,gradcam,",
    ],
)
async def test_methods_by_comma_and_by_repetition(client: httpx.AsyncClient, fake: FakeAnswers, query: str) -> None:
    assert (await asked(client, fake, f"/analyze?{query}")).methods == ("gradcam", "gradcam++", "layercam")


async def test_a_plus_in_the_path_is_a_plus(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    for path in ("gradcam++", "gradcam%2B%2B"):
        assert (await asked(client, fake, f"/explain/{path}")).methods == ("gradcam++",)


async def test_methods_share_a_parameter_of_one_name(client: httpx.AsyncClient, fake: FakeAnswers) -> None:
    question = await asked(client, fake, "/analyze?methods=gradcam,finercam&gamma=0.5&embed=1")
    assert question == Question(methods=("gradcam", "finercam"), parameters={"gamma": 0.5}, embed=True)


WRONG = {
    "/predict?topk=3": (422, "takes no query parameter 'topk'; it takes model, top_k"),
    "/predict?layer=x": (422, "takes no query parameter 'layer'"),
    "/predict?top_k=0": (422, "query parameter top_k: Input should be greater than or equal to 1"),
    "/predict?top_k=many": (422, "query parameter top_k: Input should be a valid integer"),
    "/predict?top_k=": (422, "query parameter top_k"),
    "/predict?top_k=1&top_k=2": (422, "top_k is given more than once"),
    "/predict?model=tiny&model=other": (422, "model is given more than once"),
    "/predict?model=nobody": (404, "there is no model 'nobody': there are tiny"),
    "/predict?model=" + "x" * 201: (422, "query parameter model: String should have at most 200 characters"),
    "/predict?model=absent": (503, "`fovea models verify absent`"),
    "/predict?model=broken": (503, "field frame.resize: must be at least 1"),
    "/explain/guesscam": (404, "there is no method 'guesscam'; the methods are cam"),
    "/explain/gradcam?gamma=0.5": (422, "takes no query parameter 'gamma'"),
    "/explain/finercam?gamma=2": (422, "query parameter gamma of finercam: Input should be less than or equal to 1"),
    "/explain/finercam?gamma=1&gamma=0": (422, "gamma is given more than once"),
    "/explain/finercam?base=eigencam": (422, "query parameter base of finercam: Input should be 'gradcam'"),
    "/explain/gradcam?target=nothing": (404, "name one of its 2 labels (healthy, ill) or an index from 0 to 1"),
    "/explain/gradcam?target=" + "9" * 5000: (422, "at most 200 characters"),
    "/explain/gradcam?" + "&".join(["target=0"] * 101): (422, "query parameter target: List should have at most 100"),
    "/explain/gradcam?top_k_targets=0": (422, "query parameter top_k_targets"),
    "/explain/gradcam?colormap=jet": (422, "query parameter colormap: must be one of cividis, inferno"),
    "/explain/gradcam?boxes=perhaps": (422, "query parameter boxes"),
    "/analyze?methods=gradcam,guesscam": (404, "there is no method 'guesscam'"),
    "/analyze?method=gradcam": (422, "takes no query parameter 'method'; it takes model"),
}


@pytest.mark.parametrize("address", WRONG, ids=lambda address: address[:40])
async def test_wrong_queries_are_refused_with_a_reason(client: httpx.AsyncClient, address: str) -> None:
    status, words = WRONG[address]
    response = await client.post(address, content=b"x")
    assert response.status_code == status, response.text
    assert words in response.json()["detail"]


def test_no_method_hides_a_common_parameter() -> None:
    common = AnalyzeQuery.model_fields.keys()
    for method in METHODS.values():
        assert not common & method.parameters.model_fields.keys(), method.name


def test_every_method_is_found_by_its_name_even_after_a_form_decoded_it() -> None:
    for name, method in METHODS.items():
        assert find_method(name) is find_method(name.replace("+", " ")) is method


def test_the_queries_lists_are_the_repeatable_ones() -> None:
    lists = {name for name, field in AnalyzeQuery.model_fields.items() if isinstance(field.default, list)}
    assert lists == {"target", "versus", "layer", "methods"}
    assert lists - {"methods"} <= ExplainQuery.model_fields.keys()
