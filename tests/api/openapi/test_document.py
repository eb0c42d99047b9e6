"""The OpenAPI document is committed, correct, and has an example of everything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from service.api.app import create_app, document
from service.explain.methods import METHODS
from service.settings import Settings
from tests.api.fakes import REFUSED, FakeAnswers

COMMITTED = Path(__file__).parents[3] / "openapi" / "openapi.json"

Document = dict[str, Any]

VERBS = "predict|explain|embed|analyze|list|get|create|delete|add|find|place|cancel|reembed|check|reload"


def operations(document: Document) -> list[tuple[str, str, Document]]:
    return [(method, path, found) for path, item in document["paths"].items() for method, found in item.items()]


def validator(document: Document, schema: Document) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def test_the_committed_document_is_what_the_service_says(app: Any) -> None:
    assert COMMITTED.read_text(encoding="utf-8") == document(app), "run `fovea openapi --out openapi/openapi.json`"


def test_it_depends_on_no_setting_and_no_model(app: Any, zoo: Path) -> None:
    other = Settings(registry=zoo, port=9, max_images=1, offline=True)
    assert document(create_app(other, FakeAnswers(other))) == document(app)


async def test_it_is_served(client: httpx.AsyncClient, document: Document) -> None:
    assert (await client.get("/openapi.json")).json() == document


def test_every_route_of_the_contract_is_in_it(document: Document) -> None:
    assert set(document["paths"]) == {
        "/predict",
        "/explain/{method}",
        "/embed",
        "/analyze",
        "/models",
        "/models/reload",
        "/models/{name}",
        "/models/{name}/filters",
        "/models/{name}/activations",
        "/collections",
        "/collections/{name}",
        "/collections/{name}/items",
        "/collections/{name}/items/{number}",
        "/collections/{name}/items/{number}/thumbnail",
        "/collections/{name}/neighbors",
        "/collections/{name}/bias",
        "/collections/{name}/units/{unit}",
        "/collections/{name}/projection",
        "/collections/{name}/reembed",
        "/collections/{name}/projection/{projection}",
        "/collections/{name}/projection/{projection}/place",
        "/jobs",
        "/jobs/{job}",
        "/methods",
        "/livez",
        "/readyz",
        "/metrics",
        "/version",
        "/problems",
        "/problems/{slug}",
    }


def test_operation_ids_are_unique_verbs_in_camel_case(document: Document) -> None:
    """Generated clients name their functions after them."""
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for found in ids:
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", found), found
        assert re.match(rf"({VERBS})(?![a-z])", found), found
    assert {"predict", "explain", "embed", "analyze", "listModels", "getModel", "placeOnProjection"} <= set(ids)


def test_schema_names_are_plain(document: Document) -> None:
    """Two classes of one name would be told apart by their modules: `service__api__schemas__models__Layer`."""
    for name in document["components"]["schemas"]:
        assert re.fullmatch(r"([A-Z][a-z]+)+", name), name


def test_everything_is_described_for_people(document: Document) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, operation in operations(document):
        assert len(operation["description"]) > 20, (method, path)
        assert set(operation["tags"]) <= tags
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (path, parameter["name"])
        for status, response in operation["responses"].items():
            assert response["description"], (path, status)


def test_every_response_has_an_example_that_fits_its_schema(document: Document) -> None:
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                if media_type.startswith(("image/", "application/x-npy")):
                    continue
                examples = [content["example"]] if "example" in content else []
                examples += [example["value"] for example in content.get("examples", {}).values()]
                assert examples, (path, status, media_type)
                for example in examples:
                    validator(document, content["schema"]).validate(example)


def test_no_parameter_of_single_methods_has_a_default(document: Document) -> None:
    """Swagger UI sends each default, and a method refuses the parameters of the others."""
    for path in ("/explain/{method}", "/analyze"):
        own = [one for one in document["paths"][path]["post"]["parameters"] if "Only for" in one["description"]]
        assert len(own) > 5
        for parameter in own:
            assert "default" not in parameter["schema"], parameter["name"]
            assert "Default: " in parameter["description"], parameter["name"]


def test_every_schema_is_a_schema(document: Document) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_table_of_methods_is_the_enum(document: Document) -> None:
    operation = document["paths"]["/explain/{method}"]["post"]
    parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert parameters["method"]["schema"]["enum"] == list(METHODS)
    names = parameters["method"]["schema"]["x-enum-varnames"]
    assert len(set(names)) == len(names) == len(METHODS)
    assert all(name.isidentifier() for name in names)
    own = {name for method in METHODS.values() for name in method.parameters.model_fields}
    assert own <= set(parameters)
    assert "Only for finercam" in parameters["gamma"]["description"]


REQUESTS: list[tuple[str, str, bytes]] = [
    ("POST", "/predict", b"x"),
    ("POST", "/predict", REFUSED),
    ("POST", "/predict", b"damaged"),
    ("POST", "/predict", b"full"),
    ("POST", "/predict", b""),
    ("POST", "/predict?top_k=0", b"x"),
    ("POST", "/predict?model=absent", b"x"),
    ("POST", "/explain/{method}", b"x"),
    ("POST", "/explain/{method}?boxes=1&overlay=1&target=0&target=1", b"x"),
    ("POST", "/explain/{method}", REFUSED),
    ("POST", "/embed", b"x"),
    ("POST", "/embed", REFUSED),
    ("POST", "/analyze", b"x"),
    ("POST", "/analyze?methods=scorecam,cam&embed=1", b"x"),
    ("GET", "/models", b""),
    ("GET", "/models/{name}", b""),
    ("GET", "/models/{name}?x=1", b""),
    ("GET", "/methods", b""),
    ("GET", "/livez", b""),
    ("GET", "/readyz", b""),
    ("GET", "/problems", b""),
    ("GET", "/problems/{slug}", b""),
]


@pytest.mark.parametrize(("method", "path", "content"), REQUESTS)
async def test_what_is_answered_is_what_is_documented(
    client: httpx.AsyncClient, document: Document, method: str, path: str, content: bytes
) -> None:
    template = path.partition("?")[0]
    address = path.format(method="gradcam", name="tiny", slug="too-large")
    response = await client.request(method, address, content=content)
    documented = document["paths"][template][method.lower()]["responses"][str(response.status_code)]
    media_type = response.headers["content-type"].partition(";")[0]
    validator(document, documented["content"][media_type]["schema"]).validate(response.json())


@pytest.mark.parametrize("path", ["/predict", "/explain/cam", "/embed", "/analyze?methods=cam&embed=1"])
async def test_an_answer_has_exactly_the_fields_of_the_contract_in_its_order(
    client: httpx.AsyncClient, path: str
) -> None:
    own = {
        "/predict": [],
        "/explain/cam": ["explanation"],
        "/embed": ["embedding", "dim", "layer"],
        "/analyze?methods=cam&embed=1": ["explanations", "embedding", "dim", "layer"],
    }
    head = ["request_id", "status", "reasons", "violations", "model", "image", "predictions"]
    answer = (await client.post(path, content=b"x")).json()
    assert list(answer) == [*head, *own[path], "engine", "timing_ms"]
    assert list(answer["model"]) == ["name", "version", "weights_sha256", "notice"]
    assert list(answer["image"]) == ["sha256", "width", "height", "format", "notes"]
    assert list(answer["predictions"][0]) == ["index", "label", "probability", "logit"]


async def test_a_map_has_exactly_the_fields_of_the_contract(client: httpx.AsyncClient) -> None:
    explanation = (await client.post("/explain/scorecam", content=b"x")).json()["explanation"]
    assert list(explanation) == ["method", "layer", "parameters", "normalisation", "maps"]
    (found,) = explanation["maps"]
    assert list(found) == [
        "target", "grid", "minimum", "maximum", "empty", "region", "heatmap", "overlay", "boxes", "quality",
        "partial", "done",
    ]  # fmt: skip
    assert list(found["heatmap"]) == ["media_type", "base64", "width", "height"]
    assert (found["overlay"], found["boxes"], found["quality"]) == (None, None, None)
    assert (found["partial"], found["done"]) == (True, 0.5)
