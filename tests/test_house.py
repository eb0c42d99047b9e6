"""The house itself: container files that are valid, commands that are listed, settings that are documented."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from service.settings import Settings

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_own_sentence(name: str) -> None:
    row = f"| {Settings.model_fields[name].description} |"
    lines = (ROOT / "docs" / "operations.md").read_text().splitlines()
    assert any(line.startswith(f"| `FOVEA_{name.upper()}` |") and line.endswith(row) for line in lines)


def test_the_container_file_is_clean() -> None:
    done = run(str(BIN / "hadolint"), "Dockerfile")
    assert done.returncode == 0, done.stdout
    assert run(str(BIN / "hadolint"), "tests/data/Dockerfile.bad").returncode != 0


def test_the_compose_file_keeps_its_schema() -> None:
    check = (str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec")
    done = run(*check, "docker-compose.yml")
    assert done.returncode == 0, done.stdout
    assert run(*check, "pyproject.toml").returncode != 0


def test_the_compose_file_gives_no_privileges() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert "privileged" not in text
    for line in ("read_only: true", "no-new-privileges:true", "- ALL", "pids_limit:", "127.0.0.1:8000:8000"):
        assert line in text


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_lists_every_command() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    listed = set(re.findall(r"make (\w+)", run("make", "help").stdout))
    assert targets == listed


def test_locks_pin_every_package_with_hashes_and_name_no_index() -> None:
    for lock in LOCKS:
        text = (ROOT / lock).read_text()
        packages = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
        assert len(packages) > 40
        assert all("==" in package and "--hash=sha256:" in package for package in packages)
        assert not re.search(r"--(extra-)?index-url|--find-links|://", text)
        assert "torch==2.14.1" in text
        assert "torchvision==0.29.2" in text


def test_all_locks_pin_the_same_versions() -> None:
    """`make bench` adds the last to what the second has set up, and must change none of it."""
    run_time, develop, peers = (
        dict(re.findall(r"^([a-z][\w.-]*)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS
    )
    assert run_time.items() <= develop.items()
    assert all(peers[name] == develop[name] for name in peers.keys() & develop.keys())
    assert {"pytest", "ruff"} & run_time.keys() == set()


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {"requirements.lock": project["dependencies"]}
    for extra in ("dev", "bench"):
        wanted[f"requirements-{extra}.lock"] = [*project["dependencies"], *project["optional-dependencies"][extra]]
    for lock, requirements in wanted.items():
        locked = set(re.findall(r"^([a-z][\w.-]*)==", (ROOT / lock).read_text(), re.MULTILINE))
        assert {re.split(r"[\s>=<;\[]", one)[0] for one in requirements} <= locked


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_make_command_that_is_named_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"^\s*make (\w+)|`make (\w+)", (ROOT / page).read_text(), re.MULTILINE))
    assert named
    assert {first or second for first, second in named} <= targets


def test_every_promise_names_tests_that_exist() -> None:
    sources = {file.relative_to(ROOT): file.read_text() for file in (ROOT / "tests").rglob("test_*.py")}
    defined = {name for text in sources.values() for name in re.findall(r"def (test_\w+)", text)}
    quoted = re.findall(r"`((?:tests/)?[\w/]*test_[\w*.]+)`", (ROOT / "docs" / "reliability.md").read_text())
    assert len(quoted) > 30
    for name in quoted:
        if name.endswith(".py"):
            assert any(file.match(name) for file in sources), name
        else:
            assert name in defined, name


def test_installing_from_another_torch_index_drops_what_that_index_has_otherwise(tmp_path: Path) -> None:
    pip = tmp_path / "pip"
    pip.write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/calls
for last; do :; done
[ -f "$last" ] && cp "$last" {tmp_path}/rest
exit 0
"""
    )
    pip.chmod(0o755)
    script = ("env", f"PIP={pip}", "scripts/install.sh", "requirements.lock")
    assert run(*script, "https://wheels.example/cpu").returncode == 0
    calls = (tmp_path / "calls").read_text()
    assert "--no-deps --index-url https://wheels.example/cpu torch==2.14.1 torchvision==0.29.2" in calls
    rest = (tmp_path / "rest").read_text()
    assert not re.search(r"^(torch|torchvision|triton|nvidia-|cuda-)", rest, re.MULTILINE)
    assert re.search(r"^fastapi==", rest, re.MULTILINE)


def test_a_package_brings_every_file_along() -> None:
    """An installed service without its page's icon and samples would look whole in this folder."""
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["service"]
    files = [path.relative_to(ROOT / "service") for path in (ROOT / "service").rglob("*") if path.is_file()]
    data = [path for path in files if path.suffix not in {".py", ".pyc"}]
    assert len(data) > 50
    assert [str(path) for path in data if not any(path.match(pattern) for pattern in packed)] == []
