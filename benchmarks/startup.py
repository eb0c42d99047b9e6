"""From the command to the first answer, with and without what an earlier run compiled."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.process import fovea


def startup(quick: bool) -> dict[str, float]:
    """Seconds until ready, until every shipped model is loaded, and the memory then, in MB."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for run in ("first start",) if quick else ("first start", "later start"):
            begun = time.monotonic()
            with fovea(run, Path(folder)) as server:
                found[f"{run}: ready, s"] = round(server.seconds, 2)
                found[f"{run}: all models, s"] = round(time.monotonic() - begun, 2)
                found[f"{run}: memory, MB"] = round(server.megabytes)
    return found
