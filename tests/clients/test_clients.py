"""Clients generated from the OpenAPI document, without warnings about it, answer against the real service."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.explain.methods import METHODS
from tests.api.test_serving import Running, serving
from tests.models import tiny
from tests.runtime.test_answers import picture

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "openapi" / "openapi.json"
PYTHON_GENERATOR = HERE / ".venv" / "bin" / "openapi-python-client"
NODE_TOOLS = HERE / "node_modules" / ".bin"

IMAGE_RESPONSE = r"GET /collections/\{name\}/items/\{number\}/thumbnail .*\(Unsupported content_type image/jpeg\)"
"""The only route that returns nothing but a picture, for which the Python generator has no type."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("clients")
    (folder / "zoo").mkdir()
    (folder / "zoo" / "default.toml").write_text('default = "tiny"\n')
    tiny.add(folder / "zoo", "tiny", seed=1)
    with serving(folder / "zoo", folder) as running:
        yield running


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=os.environ | env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def expected(served: Running, image: bytes) -> dict[str, Any]:
    """What the service answers to requests without a generated client."""

    def ask(path: str) -> Any:
        return served.client.post(path, content=image).json()

    label = ask("/predict")["predictions"][0]["label"]
    return {
        "predict": label,
        "form": label,
        "explain": ask("/explain/gradcam")["explanation"]["maps"][0]["grid"],
        "embed": ask("/embed")["embedding"],
        "analyze": ["gradcam", "layercam"],
        "refused": "/problems/unknown-name",
    }


def test_the_python_client_is_generated_without_warnings_and_answers(served: Running, tmp_path: Path) -> None:
    if not PYTHON_GENERATOR.exists():
        pytest.skip("openapi-python-client is missing; `make clients` installs it")
    path = f"{PYTHON_GENERATOR.parent}{os.pathsep}{os.environ['PATH']}"  # it formats with ruff
    options = ("--path", DOCUMENT, "--meta", "none", "--output-path", tmp_path / "fovea_client")
    output = run(PYTHON_GENERATOR, "generate", *options, cwd=tmp_path, PATH=path)
    warnings = [
        " ".join(found.split())
        for found in re.findall(r"WARNING parsing(.*?)(?=WARNING|If you believe|$)", output, re.DOTALL)
    ]
    assert len(warnings) <= 1, output
    assert all(re.search(IMAGE_RESPONSE, warning) for warning in warnings), output
    image = tmp_path / "image.png"
    image.write_bytes(picture(seed=1))
    address = f"http://127.0.0.1:{served.port}"
    found = json.loads(run(sys.executable, HERE / "calls.py", address, image, cwd=tmp_path, PYTHONPATH=str(tmp_path)))
    assert found.pop("bytes") == found["predict"]
    assert sorted(found.pop("methods")) == sorted(METHODS)
    assert found == expected(served, image.read_bytes())


def test_the_typescript_client_is_generated_without_warnings_and_answers(served: Running, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (NODE_TOOLS / "openapi-typescript").exists():
        pytest.skip("node or openapi-typescript is missing; `make clients` installs the latter")
    output = run(NODE_TOOLS / "openapi-typescript", DOCUMENT, "--output", tmp_path / "schema.d.ts", cwd=tmp_path)
    assert "warn" not in output.lower(), output
    shutil.copy(HERE / "calls.ts", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    options = ("--strict", "--module", "nodenext", "--target", "es2022", "--skipLibCheck", "--types", "node")
    run(NODE_TOOLS / "tsc", *options, "calls.ts", cwd=tmp_path)
    image = tmp_path / "image.png"
    image.write_bytes(picture(seed=1))
    found = json.loads(run(node, "calls.js", f"http://127.0.0.1:{served.port}", image, cwd=tmp_path))
    assert found == expected(served, image.read_bytes())
