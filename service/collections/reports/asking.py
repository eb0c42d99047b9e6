"""What a request may ask a whole collection, and wait a few seconds for. A child process reads it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Literal

from service.collections.collection import Line
from service.collections.library import Library
from service.errors import DoesNotApply
from service.runtime.activations import check
from service.runtime.child import computed
from service.runtime.exchange import Watch
from service.runtime.jobs import Told

Form = Literal["json", "html"]

BIAS, PEAKS = "service.collections.reports.recall:report", "service.collections.reports.peaks:highest"


@dataclass(frozen=True)
class Excited:
    """An item that excites a unit. peak: the unit's largest activation in it, as float16. thumbnail: JPEG."""

    line: Line
    peak: float
    thumbnail: bytes | None


@dataclass(frozen=True)
class Excitement:
    """What excites a unit of a layer most, the first one most. images: that were compared."""

    layer: str
    unit: int
    images: int
    excited: tuple[Excited, ...]


async def bias_of(library: Library, name: str, form: Form = "json", told: Told = lambda *_: None) -> bytes:
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


async def excitement(library: Library, name: str, unit: int, k: int) -> Excitement:
    """The images that excite a unit of the model's last map most.

    Raises BadParameter for a unit that does not exist, and what `bias_of` raises.
    """
    _, classifier = await library.opened(name)
    if not classifier.spatial(classifier.cut):
        raise DoesNotApply(f"model {classifier.entry.name!r} has no maps, and so no units that fire somewhere")
    check(classifier, classifier.cut, Watch((unit,)))
    found = json.loads(await _read(library, name, PEAKS, {"unit": unit, "k": k}))
    excited = await asyncio.to_thread(_with_pictures, library, name, found["peaks"])
    return Excitement(classifier.cut, unit, found["images"], excited)


async def _read(
    library: Library, name: str, function: str, arguments: dict[str, Any], told: Told = lambda *_: None
) -> bytes:
    settings = library.answers.settings
    given = {"folder": str(settings.collections_folder.absolute()), "collection": name, **arguments}
    async with library.desk.turn():
        return await computed(function, given, settings.forward_threads, told)


def _with_pictures(library: Library, name: str, peaks: list[tuple[int, float]]) -> tuple[Excited, ...]:
    """Those that were removed meanwhile are left out."""
    lines = library.store.named(name, [number for number, _ in peaks])
    there = [(lines[number], peak) for number, peak in peaks if number in lines]
    return tuple(Excited(line, peak, library.store.thumbnail(name, line.id)) for line, peak in there)
