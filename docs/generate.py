"""Write the tables of docs/methods.md from the table of methods: `make docs`.

python -m docs.generate           writes both tables; the matrix runs every method on every family, which takes minutes
python -m docs.generate --check   fails where a table is not current; reads only the names of the matrix, whose cells
                                  tests/explain/test_matrix.py runs one by one
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from service.explain.method import Method
from service.explain.methods import METHODS
from tests.explain.matrix import table
from tests.models.zoo import FAMILIES

DOCUMENT = Path(__file__).parent / "methods.md"


def methods() -> str:
    """One row per method: its formula, its cost in forwards, and what it requires."""
    lines = ["| method | formula | forwards beyond the first | reads | head |", "|---|---|---|---|---|"]
    for method in METHODS.values():
        formula = method.formula.replace("|", r"\|")
        lines.append(f"| `{method.name}` | {formula} | {_forwards(method)} | {method.reads} | {method.head} |")
    return "\n".join(lines)


def _forwards(method: Method) -> str:
    return f"{method.forwards}" + f"; the head {method.head_forwards}" * (method.head_forwards != 1)


def section(text: str, name: str) -> str:
    """What stands between the markers of a section. Raises ValueError where the document has no such section."""
    found = re.search(f"<!-- generated: {name} -->\n(.*)\n<!-- end: {name} -->", text, re.DOTALL)
    if found is None:
        raise ValueError(f"{DOCUMENT.name} has no section {name!r}")
    return found[1]


def outdated(text: str) -> list[str]:
    """What is not current in the document, in words; empty where everything is."""
    problems = []
    if section(text, "methods") != methods():
        problems.append("the table of methods differs from METHODS")
    header, _, *rows = section(text, "matrix").splitlines()
    if re.findall(r"`([^`]+)`", header) != list(METHODS) or [row.split()[1] for row in rows] != list(FAMILIES):
        problems.append("the matrix has other methods or families than METHODS and tests/models/zoo.py")
    return problems


def main() -> None:
    """Write the tables, or check them."""
    text = DOCUMENT.read_text()
    if "--check" in sys.argv[1:]:
        problems = [f"docs/methods.md: {problem}; run `make docs`" for problem in outdated(text)]
        sys.exit("\n".join(problems) or None)
    for name, content in (("methods", methods()), ("matrix", table())):
        text = text.replace(section(text, name), content)
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
