"""The modules of the viewer without a browser: direction of imports, types of the API, and unit tests in Node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from service.api.routes.pages import PAGE

ROOT = Path(__file__).parents[2]
UNIT = Path(__file__).parent / "unit"
OLDEST_NODE = 20
MODULES = sorted(PAGE.rglob("*.js"))

LAYERS = [{"core"}, {"session"}, {"stage", "plot"}, {"panels"}, {"main.js"}]
"""Folders of the page, from below. A module imports from its own folder and from lower layers."""


def folder(path: Path) -> str:
    """The folder of a module, or its name where it has none."""
    return path.relative_to(PAGE).parts[0]


@cache
def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def imports(path: Path) -> list[Path]:
    """The modules that a module imports, types included."""
    names = re.findall(r'^(?:import|export) (?:[^;"]* from )?"(\.[^"]+)"', path.read_text(), re.MULTILINE)
    names += re.findall(r'@import \{[^}]*\} from "(\.[^"]+)"', path.read_text())
    return [(path.parent / name).resolve() for name in names]


def test_every_module_is_in_a_layer() -> None:
    assert {folder(path) for path in MODULES} == set().union(*LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PAGE)))
def test_imports_lead_down(path: Path) -> None:
    here = folder(path)
    for module in imports(path):
        if module.with_suffix(".d.ts").exists():
            continue
        assert module.exists(), module
        there = folder(module)
        assert there == here or layer(there) < layer(here), f"{here} must not import {module.relative_to(PAGE)}"


def test_there_are_no_import_cycles() -> None:
    remaining = {path: {module for module in imports(path) if module.exists()} for path in MODULES}
    while leaves := [path for path, modules in remaining.items() if not modules]:
        remaining = {path: modules - set(leaves) for path, modules in remaining.items() if path not in leaves}
    assert sorted(path.name for path in remaining) == []


def test_every_module_is_checked() -> None:
    assert [path.name for path in MODULES if not path.read_text().startswith("// @ts-check\n")] == []


ANSWERS = {
    "AnalyzeAnswer": ("post", "/analyze"),
    "PredictAnswer": ("post", "/predict"),
    "ModelList": ("get", "/models"),
    "ModelDetails": ("get", "/models/{name}"),
    "MethodList": ("get", "/methods"),
    "CollectionList": ("get", "/collections"),
    "NeighborsAnswer": ("post", "/collections/{name}/neighbors"),
    "ProjectionList": ("get", "/collections/{name}/projection"),
    "Projection": ("get", "/collections/{name}/projection/{projection}"),
    "PlaceAnswer": ("post", "/collections/{name}/projection/{projection}/place"),
    "ItemList": ("get", "/collections/{name}/items"),
    "JobList": ("get", "/jobs"),
    "Job": ("get", "/jobs/{job}"),
}
"""Interfaces of api.d.ts, and the operations whose answers they describe."""


def interfaces() -> dict[str, dict[str, str]]:
    """Interface -> field -> type, with the fields of the interfaces that it extends."""
    source = re.sub(r"/\*.*?\*/", "", (PAGE / "api.d.ts").read_text(), flags=re.DOTALL)
    found: dict[str, dict[str, str]] = {}
    pattern = re.compile(r"export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
    for name, base, body in pattern.findall(source):
        fields = dict(re.findall(r"^  (\w+)\??: (.*);$", body, re.MULTILINE))
        found[name] = found.get(base, {}) | fields
    return found


def schema_of(document: dict[str, Any], verb: str, path: str) -> dict[str, Any]:
    """The schema of an operation's answer; of one image where it takes several."""
    operations = next(item for name, item in document["paths"].items() if normalised(name) == normalised(path))
    schema = operations[verb]["responses"]["200"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = schema.get("anyOf", [schema])[0]
    return found


def normalised(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def differences(interface: str, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """Where an interface, and those in its fields, says more than the schema allows."""
    schema = resolved(schema, document)
    properties = schema.get("properties", {})
    found = []
    for name, kind in interfaces()[interface].items():
        if name not in properties:
            found.append(f"{interface}.{name} does not exist")
            continue
        choices = [resolved(one, document) for one in properties[name].get("anyOf", [properties[name]])]
        if any(one.get("type") == "null" for one in choices) and "null" not in kind:
            found.append(f"{interface}.{name} can be null")
        inner = re.sub(r"\[\]| \| null", "", kind)
        if inner in interfaces():
            (value,) = [one for one in choices if one.get("type") != "null"]
            found += differences(inner, value.get("items", value), document)
    return found


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


@pytest.mark.parametrize("interface", ANSWERS)
def test_the_types_of_the_api_agree_with_its_description(interface: str) -> None:
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text())
    assert differences(interface, schema_of(document, *ANSWERS[interface]), document) == []


def test_every_type_of_the_api_is_compared() -> None:
    source = (PAGE / "api.d.ts").read_text()
    reached = set(ANSWERS)
    for _ in interfaces():
        fields = " ".join(kind for name in reached for kind in interfaces()[name].values())
        bases = {base for name, base in re.findall(r"interface (\w+) extends (\w+)", source) if name in reached}
        reached |= set(re.findall(r"\w+", fields)) & set(interfaces()) | bases
    assert reached == set(interfaces())


@pytest.mark.parametrize("path", sorted(UNIT.glob("*.test.js")), ids=lambda path: path.name)
def test_unit_tests_pass_in_node(path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is missing; apt-get install nodejs brings it")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version[1:].partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node {version} is too old: its test runner needs version {OLDEST_NODE}")
    done = subprocess.run([node, "--test", path], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
