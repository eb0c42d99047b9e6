"""Which tests run together, and which ones `make quick` leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent

HEAVY: dict[str, str] = {
    "test_readme.py": "the commands of the README against a server",
    "test_inside.py": "the commands of docs/inside.md against a server",
    "test_your_model.py": "the commands of docs/your-model.md against a server",
    "explain/test_matrix.py": "every method on every family of networks",
    "explain/test_peers.py": "the peers' libraries",
    "api/server/test_http_protocol.py": "servers and proxies",
    "api/test_fuzz.py": "thousands of generated requests",
    "api/test_killed.py": "servers that are killed",
    "api/test_real.py": "a server",
    "api/test_reembed.py": "a server",
    "api/test_reload.py": "a server",
    "api/test_serving.py": "a server",
    "api/test_sharing.py": "servers",
    "models/test_libraries.py": "networks of other libraries",
    "training/test_shipped.py": "the shipped models over generated eyes",
    "training/test_train.py": "a training run",
}
"""What takes long, by its place below tests/: `make quick` leaves it out, `make test` runs all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is heavy, and run the tests of one family of networks one after the other in one worker.

    Networks are cached two at a time (`tests.models.zoo.built`), so the order decides how often one is built.
    """
    for item in items:
        place = item.path.relative_to(HERE).as_posix()
        if any(place == heavy or place.startswith(f"{heavy}/") for heavy in HEAVY):
            item.add_marker(pytest.mark.heavy)
        family = _family(item)
        if family is not None:
            item.add_marker(pytest.mark.xdist_group(f"family {family}"))
    items.sort(key=lambda item: (item.path.as_posix(), _family(item) or ""))


def _family(item: pytest.Item) -> str | None:
    call = getattr(item, "callspec", None)
    return call.params.get("family") if call is not None else None
