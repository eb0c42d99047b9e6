"""Reports on a collection that a request waits a few seconds for. A child process computes them, one at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from service.collections.collection import ItemSummary
from service.collections.library import Library
from service.collections.store.interface import Store
from service.errors import DoesNotApply
from service.jobs.child_process import run_in_child
from service.jobs.job import ignore_progress
from service.runtime.activations import check
from service.runtime.question import UnitRequest

Format = Literal["json", "html"]

BIAS_FUNCTION = "service.collections.reports.stored_evidence:bias_report_bytes"
MAXIMA_FUNCTION = "service.collections.reports.unit_maxima:largest_maxima_bytes"
"""What the child process runs."""


@dataclass(frozen=True)
class ActivatedItem:
    """An item that activates a unit. activation: the unit's largest in it, as float16. thumbnail: JPEG."""

    summary: ItemSummary
    activation: float
    thumbnail: bytes | None


@dataclass(frozen=True)
class UnitReport:
    """The top-activating items of a unit of a layer, the largest activation first. images: how many were compared."""

    layer: str
    unit: int
    images: int
    items: tuple[ActivatedItem, ...]


async def bias_report(library: Library, name: str, format: Format = "json") -> bytes:  # noqa: A002
    """The bias report on a collection: a `Bias` in JSON, or its page.

    Raises UnknownName, ModelUnavailable, StaleCollection, DoesNotApply, Overloaded, JobFailed.
    """
    _, classifier = await library.open_collection(name)
    entry = classifier.entry
    arguments = {
        "labels": entry.labels,
        "rivals": entry.rivals,
        "model": classifier.title,
        "notice": entry.card.notice,
        "format": format,
    }
    return await _run(library, name, BIAS_FUNCTION, arguments)


async def unit_report(library: Library, name: str, unit: int, k: int) -> UnitReport:
    """The k items of a collection with the largest activation of a unit of the model's last map.

    Raises BadParameter for a unit that does not exist, and what `bias_report` raises.
    """
    _, classifier = await library.open_collection(name)
    if not classifier.spatial(classifier.cut):
        raise DoesNotApply(f"model {classifier.entry.name!r} has no feature maps, and so no units to rank images by")
    check(classifier, classifier.cut, UnitRequest((unit,)))
    found = json.loads(await _run(library, name, MAXIMA_FUNCTION, {"unit": unit, "k": k}))
    items = await library.with_store(partial(_read_items, name=name, maxima=found["maxima"]))
    return UnitReport(classifier.cut, unit, found["images"], items)


async def _run(library: Library, name: str, function: str, arguments: dict[str, Any]) -> bytes:
    settings = library.settings
    arguments = {"location": settings.collections_location, "collection": name, **arguments}
    async with library.report_turns.turn():
        return await run_in_child(function, arguments, settings.forward_threads, ignore_progress)


def _read_items(store: Store, name: str, maxima: list[tuple[int, float]]) -> tuple[ActivatedItem, ...]:
    """Items with their thumbnails; those that were removed in the meantime are left out."""
    summaries = store.items.summaries(name, [item_id for item_id, _ in maxima])
    existing = [(summaries[item_id], activation) for item_id, activation in maxima if item_id in summaries]
    return tuple(
        ActivatedItem(summary, activation, store.items.thumbnail(name, summary.id)) for summary, activation in existing
    )
