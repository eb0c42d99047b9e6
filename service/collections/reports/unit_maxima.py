"""The items of a collection with the largest activation of a unit, from the maxima that were stored of each."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping
from typing import Any

from service.collections.store.opening import open_store
from service.jobs.job import ReportProgress


def largest_maxima_bytes(arguments: Mapping[str, Any], report_progress: ReportProgress) -> bytes:
    """The function of the child process: the `k` items with the largest maximum of a `unit`; of equals the first.

    Returns JSON: `images`, how many there are, and `maxima`, pairs of an item's id and its maximum, largest first.
    """
    report_progress(0.0, "reading activations")
    store, name, unit = open_store(arguments["location"]), arguments["collection"], arguments["unit"]
    try:
        items = store.items.without_pictures(name)
        maxima = [(float(item.unit_maxima[unit]), -item_id) for item_id, item in items]
    finally:
        store.close()
    largest = heapq.nlargest(arguments["k"], maxima)
    pairs = [(-negative_id, maximum) for maximum, negative_id in largest]
    return json.dumps({"images": len(maxima), "maxima": pairs}).encode()
