"""`python -m benchmarks.soak.overload`: twice the capacity, and what becomes of what is accepted or refused."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
from pathlib import Path

from benchmarks.load import Seen, Target, closed, form, percentile, poisson
from benchmarks.process import fovea
from benchmarks.subject import jpeg

CLIENTS = 16
"""Clients of the closed loop that measures the capacity."""


def main() -> None:
    """Measure the capacity with a closed loop, then offer a multiple of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each part")
    parser.add_argument("--times", type=float, default=2.0, help="offered load, as a multiple of the capacity")
    parser.add_argument("--threads", type=int, default=0, help="of the service; one thread makes it slower")
    parser.add_argument("--max-wait", type=float, default=2.0, help="FOVEA_MAX_WAIT_S")
    given = parser.parse_args()
    data = Path(tempfile.mkdtemp())
    try:
        with fovea("fovea", data, max_wait_s=given.max_wait, threads=given.threads) as server:
            body, kind = form(jpeg())
            target = Target(server.port, "/explain/gradcam?model=resnet18", body, kind)
            asyncio.run(closed(target, CLIENTS, given.seconds / 3))  # warms up
            capacity, before = asyncio.run(closed(target, CLIENTS, given.seconds)).goodput, server.megabytes
            seen = asyncio.run(poisson(target, given.times * capacity, given.seconds))
            print(json.dumps(figures(seen, capacity, server.megabytes - before, given.seconds), indent=2))
    finally:
        shutil.rmtree(data, ignore_errors=True)


def figures(seen: Seen, capacity: float, more_megabytes: float, offered_seconds: float) -> dict[str, float]:
    """What the promise is about. goodput: answers, as a share of what the capacity would have given."""
    return {
        "capacity_per_s": round(capacity, 1),
        "answered": len(seen.milliseconds),
        "goodput": round(len(seen.milliseconds) / (capacity * offered_seconds), 3),
        "accepted_p50_ms": round(percentile(seen.milliseconds, 50)),
        "accepted_p99_ms": round(percentile(seen.milliseconds, 99)),
        "refused": len(seen.refusal_milliseconds),
        "refused_p99_ms": round(percentile(seen.refusal_milliseconds, 99)),
        "accepted_and_late": seen.late,
        "failed": seen.failed,
        "more_mb": round(more_megabytes),
    }


if __name__ == "__main__":
    main()
