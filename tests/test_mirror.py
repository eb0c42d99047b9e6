"""Every module has a test file at the same place below tests/, or tests/mirror.toml names the one that covers it."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SERVICE = TESTS.parent / "service"
COVERED: dict[str, str] = tomllib.loads((TESTS / "mirror.toml").read_text())["covered"]


def modules() -> list[str]:
    """Paths below service/ of all modules with code in them."""
    files = sorted(SERVICE.rglob("*.py"))
    return [file.relative_to(SERVICE).as_posix() for file in files if _has_code(file)]


def _has_code(file: Path) -> bool:
    body = ast.parse(file.read_text()).body
    return any(not isinstance(node, (ast.Expr, ast.ImportFrom, ast.Import)) for node in body)


def mirror(module: str) -> str:
    """Where the test of a module is expected: models/card.py -> models/test_card.py."""
    path = Path(module)
    name = path.parent.name if path.stem == "__init__" else path.stem
    return (path.parent / f"test_{name}.py").as_posix()


@pytest.mark.parametrize("module", modules())
def test_every_module_is_mirrored_by_a_test_or_listed(module: str) -> None:
    if (TESTS / mirror(module)).exists():
        assert module not in COVERED, f"{mirror(module)} exists: remove {module} from tests/mirror.toml"
        return
    listed = module in COVERED
    assert listed, f"write tests/{mirror(module)}, or list the test that covers {module} in tests/mirror.toml"
    assert (TESTS / COVERED[module]).is_file()


def test_the_list_names_existing_modules_in_order() -> None:
    assert set(COVERED) <= set(modules())
    assert list(COVERED) == sorted(COVERED)
