"""What a request may ask a whole collection, and wait a few seconds for. A child process reads it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Literal

from service.collections.collection import ItemSummary
from service.collections.library import Library
from service.errors import DoesNotApply
from service.jobs.child_process import run_in_child
from service.jobs.queue import ReportProgress
from service.runtime.activations import check
from service.runtime.question import UnitRequest

Form = Literal["json", "html"]

BIAS = "service.collections.reports.stored_evidence:bias_report_bytes"
MAXIMA = "service.collections.reports.unit_maxima:highest_maxima"


@dataclass(frozen=True)
class TopActivation:
    """An item that excites a unit. peak: the unit's largest activation in it, as float16. thumbnail: JPEG."""

    line: ItemSummary
    peak: float
    thumbnail: bytes | None


@dataclass(frozen=True)
class TopActivations:
    """What excites a unit of a layer most, the first one most. images: that were compared."""

    layer: str
    unit: int
    images: int
    excited: tuple[TopActivation, ...]


async def bias_report(
    library: Library, name: str, form: Form = "json", told: ReportProgress = lambda *_: None
) -> bytes:
    """The bias report on a collection: a `Bias` in JSON, or its page.

    Raises UnknownName, ModelUnavailable, StaleCollection, DoesNotApply, Overloaded, JobFailed.
    """
    _, classifier = await library.opened(name)
    entry = classifier.entry
    arguments = {
        "labels": entry.labels,
        "rivals": entry.rivals,
        "model": classifier.title,
        "notice": entry.card.notice,
        "form": form,
    }
    return await _read(library, name, BIAS, arguments, told)


async def top_activations(library: Library, name: str, unit: int, k: int) -> TopActivations:
    """The images that excite a unit of the model's last map most.

    Raises BadParameter for a unit that does not exist, and what `bias_report` raises.
    """
    _, classifier = await library.opened(name)
    if not classifier.spatial(classifier.cut):
        raise DoesNotApply(f"model {classifier.entry.name!r} has no maps, and so no units that fire somewhere")
    check(classifier, classifier.cut, UnitRequest((unit,)))
    found = json.loads(await _read(library, name, MAXIMA, {"unit": unit, "k": k}))
    excited = await asyncio.to_thread(_with_pictures, library, name, found["peaks"])
    return TopActivations(classifier.cut, unit, found["images"], excited)


async def _read(
    library: Library, name: str, function: str, arguments: dict[str, Any], told: ReportProgress = lambda *_: None
) -> bytes:
    settings = library.answers.settings
    given = {"folder": str(settings.collections_folder.absolute()), "collection": name, **arguments}
    async with library.desk.turn():
        return await run_in_child(function, given, settings.forward_threads, told)


def _with_pictures(library: Library, name: str, peaks: list[tuple[int, float]]) -> tuple[TopActivation, ...]:
    """Those that were removed meanwhile are left out."""
    lines = library.store.named(name, [number for number, _ in peaks])
    there = [(lines[number], peak) for number, peak in peaks if number in lines]
    return tuple(TopActivation(line, peak, library.store.thumbnail(name, line.id)) for line, peak in there)
