"""The contract is true: requests made up from the OpenAPI document itself, good and bad, checked against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.test_serving import serving
from tests.full import FULL

DOCUMENT = json.loads((Path(__file__).parents[3] / "openapi" / "openapi.json").read_text())
OPERATIONS = [
    (method.upper(), path, found) for path, item in DOCUMENT["paths"].items() for method, found in item.items()
]
GOOD = [(method, path, GenerationMode.POSITIVE) for method, path, _ in OPERATIONS]
BAD = [
    (method, path, GenerationMode.NEGATIVE)
    for method, path, found in OPERATIONS
    if any(parameter["in"] == "query" for parameter in found.get("parameters", []))
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


LOCAL = {"Host": "localhost"}
"""Instead of the test client's own name, which the service refuses."""

MADE_UP = settings(
    derandomize=True, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize(("method", "path", "mode"), GOOD + BAD)
def test_no_request_breaks_the_contract(
    app: FastAPI, document: dict[str, Any], method: str, path: str, mode: GenerationMode
) -> None:
    """The fake takes any bytes for an image, so that a body alone cannot be wrong."""
    app.openapi_schema = document  # what it would generate again
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=LOCAL)

    @settings(MADE_UP, max_examples=60 if FULL else 15)
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def holds(case: Case) -> None:
        bytes_are_bytes = case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY)
        unsent = any(value in (None, [], {}) for value in (case.query or {}).values())  # no trace of it in the URL
        excluded = [negative_data_rejection] if bytes_are_bytes or unsent else []
        case.call_and_validate(checks=CHECKS, excluded_checks=excluded, headers=LOCAL)

    holds()


def test_nor_over_a_real_connection_to_the_real_thing(zoo: Path, tmp_path: Path) -> None:
    with serving(zoo, tmp_path) as server:
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")
        for method, path, mode in GOOD + BAD:

            @settings(MADE_UP, max_examples=10 if FULL else 4)
            @given(case=schema[path][method].as_strategy(generation_mode=mode))
            def holds(case: Case) -> None:
                case.call_and_validate(checks=CHECKS)

            holds()
        assert "unexpected" not in server.log
