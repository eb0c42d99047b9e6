"""Which tests run together and in which order, and which ones `make quick` leaves out."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

HEAVY: dict[str, str] = {
    "test_inside.py": "the commands of docs/inside.md against a server",
    "test_your_model.py": "the commands of docs/your-model.md against a server",
    "models/test_reloading.py": "networks that are loaded and freed",
    "models/test_registry.py": "networks that are loaded, and swapped under load",
    "models/test_frames.py": "seven networks, each on four frames",
    "images/test_frame.py": "markers on many sizes and many frames",
    "images/test_coverage.py": "masks of many sizes on many frames",
    "models/test_libraries.py": "networks of other libraries",
    "api/test_reload.py": "servers whose models are replaced",
    "training/test_shipped.py": "the shipped models over generated eyes",
    "collections/reports/test_bias.py": "a training run, and the shipped models over generated eyes",
    "test_readme.py": "the commands of the README against a server",
    "api/test_reembed.py": "servers that are killed",
    "api/routes/test_projections.py": "projections in child processes",
    "api/openapi/test_fuzz.py": "thousands of generated requests",
    "cli/test_train.py": "training runs",
    "cli/test_collections.py": "imports that are killed",
    "api/test_stale.py": "the service with its decoders, twice per test",
    "api/test_sharing.py": "servers",
    "api/test_killed.py": "servers that are killed",
    "api/test_serving.py": "servers, and clients that wait",
    "api/server/test_http_protocol.py": "servers and proxies",
    "explain/test_peers.py": "the peers' libraries",
    "explain/test_matrix.py": "every method on every family of networks",
    "models/test_families.py": "every family of networks",
    "models/test_assembly.py": "every structure of networks",
    "models/test_pull.py": "downloads of whole networks",
    "models/test_sanity.py": "the shipped models",
    "images/test_workers.py": "processes that decode",
    "training/test_fundus.py": "hundreds of generated photographs",
    "training/test_report.py": "resampling",
    "training/test_train.py": "training runs",
    "training/test_fine_grained.py": "the shipped models",
    "training/test_optimizer_comparison.py": "training runs",
    "engines/test_laws.py": "networks that OpenVINO compiles",
    "engines/test_graph.py": "networks that OpenVINO compiles",
    "engines/test_telemetry.py": "processes that import OpenVINO",
    "collections/projections/test_fitting.py": "UMAP, which is compiled for seconds",
    "collections/projections/test_digits.py": "a training run and projections",
    "cli/test_answers.py": "the service with a shipped model",
    "cli/test_inside.py": "reports and projections",
    "api/test_masks.py": "the service with its decoders",
    "api/test_names.py": "a server",
    "api/test_real.py": "the service with its decoders",
    "api/routes/test_collections.py": "the service with its decoders",
    "api/routes/test_reports.py": "the service with its decoders",
    "api/server/test_metrics.py": "the service with its decoders",
    "clients/test_clients.py": "a server, and generators of clients",
}
"""What takes long, by its place below tests/, the longest first. `make quick` does not even import it.

`make test` runs all, and these before the others, so that no worker is left alone with a long file at the end. Single
tests that take long in a file of short ones have the marker `heavy`.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Pause the garbage collector until everything is imported: there is nothing to collect."""
    gc.disable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave heavy files out where their tests would be deselected."""
    return True if "not heavy" in config.option.markexpr and _place(collection_path) in HEAVY else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is heavy, and run the tests of one file, or of one family of networks, in one worker.

    Fixtures of a module are then set up once, and networks, of which two are cached (`tests.models.zoo.built`), are
    built once.
    """
    for item in items:
        if _place(item.path) in HEAVY:
            item.add_marker(pytest.mark.heavy)
        if item.get_closest_marker("xdist_group") is None:
            family = _family(item)
            item.add_marker(pytest.mark.xdist_group(f"family {family}" if family else _place(item.path)))
    order = {place: number for number, place in enumerate(HEAVY)}
    items.sort(key=lambda item: (_rank(item, order), item.path.as_posix(), _family(item) or ""))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Collect garbage again, and never look through what was imported."""
    gc.enable()
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Compute on one thread, whatever the test before has set: two workers share the cores."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last test of a file, drop the networks and images that its cached functions hold."""
    if nextitem is None or nextitem.path != item.path:
        cached = [one for one in vars(getattr(item, "module", item)).values() if hasattr(one, "cache_clear")]
        for function in cached:
            function.cache_clear()
        if cached:
            gc.collect()


def _place(path: Path) -> str:
    return path.relative_to(HERE).as_posix() if path.is_relative_to(HERE) else path.as_posix()


def _rank(item: pytest.Item, order: dict[str, int]) -> int:
    """The tests with a browser run in one worker and take longest; then the table; then everything else."""
    if "browser" in getattr(item, "fixturenames", ()):
        return -1
    return order.get(_place(item.path), len(order))


def _family(item: pytest.Item) -> str | None:
    call = getattr(item, "callspec", None)
    return call.params.get("family") if call is not None else None
