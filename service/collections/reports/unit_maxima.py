"""Which images of a collection excite a unit most, from the peaks that were kept of each."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.collections.store.sqlite import SqliteStore
from service.jobs.queue import ReportProgress


def highest_maxima(arguments: Mapping[str, Any], told: ReportProgress) -> bytes:
    """What a child process is asked for: the `k` items with the largest peak of a `unit`; of equals the first.

    Returns JSON: `images`, how many there are, and `peaks`, pairs of an item's number and its peak, largest first.
    """
    told(0.0, "reading peaks")
    store, name = SqliteStore(Path(arguments["folder"])), arguments["collection"]
    try:
        peaks = [(float(item.peaks[arguments["unit"]]), -number) for number, item in store.looks(name)]
    finally:
        store.close()
    best = heapq.nlargest(arguments["k"], peaks)
    return json.dumps({"images": len(peaks), "peaks": [(-number, peak) for peak, number in best]}).encode()
