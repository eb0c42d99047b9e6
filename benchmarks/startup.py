"""From the command to the first answer, with and without what an earlier run compiled."""

from __future__ import annotations

import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.process import Server, fovea


def startup() -> dict[str, float]:
    """Seconds until ready, until every shipped model is loaded, and the memory then, in MB."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for run in ("first start", "later start"):
            begun = time.monotonic()
            with fovea(run, Path(folder)) as server:
                found[f"{run}: ready, s"] = round(server.seconds, 2)
                found[f"{run}: all models, s"] = round(_all_loaded(server, begun), 2)
                found[f"{run}: memory, MB"] = round(server.megabytes)
    return found


def _all_loaded(server: Server, begun: float) -> float:
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/models", timeout=10) as reply:
            if b'"loading"' not in reply.read():
                return time.monotonic() - begun
        time.sleep(0.05)
