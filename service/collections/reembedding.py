"""A collection seen again by the weights its model has now. Until the last image is, it stays as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np

from service.collections.cells import cells
from service.collections.collection import Collection, Item
from service.collections.item_builder import build_item, with_mask
from service.collections.library import Library
from service.errors import (
    BadParameter,
    DeadlineExceeded,
    FoveaError,
    ModelFault,
    Overloaded,
    RequestError,
    StaleCollection,
    UnknownName,
)
from service.jobs.child_process import run_to_end
from service.jobs.queue import Job, ReportProgress
from service.models.classifier import Classifier
from service.runtime.inspection import Inspection

T = TypeVar("T")

TOGETHER = 16
"""Images in one transaction; so many are looked at again after a kill, at most."""

AT_ONCE = 2
"""Images on their way at a time: what a request may find in front of it."""

PAUSES = (1.0,) * 30
"""Seconds to wait with an image while others keep the service busy."""

MOST_SAID = 1000
"""Characters about images that cannot be seen."""


@dataclass(frozen=True)
class Reembedding:
    """What a collection is to become.

    target: it, with the weights, the layer and the size of vectors that its model has now. refused: why, by item.
    """

    library: Library
    target: Collection
    refused: dict[int, FoveaError] = field(default_factory=dict)


async def submit_reembedding(library: Library, name: str) -> Job:
    """A job that embeds a collection again. Raises UnknownName, StaleCollection, ModelUnavailable, Overloaded."""
    await _wanted(library, name)
    return await library.jobs.submit("reembedding", name, {})


async def reembed(library: Library, job: Job, told: ReportProgress) -> str:
    """The kind of job that embeds a collection again; see `collections/job_kinds.py`."""
    await reembed_item(library, job.collection, told)
    return f"/collections/{job.collection}"


async def reembed_item(library: Library, name: str, told: ReportProgress) -> Collection:
    """Embed all images of a collection again, unless they are of the present weights, and give it as it is then.

    Resumes where the same weights stopped. Raises what `submit_reembedding` raises, and
    BadParameter where the model cannot see every
    image; then, or cancelled or killed, the collection is as it was.
    """
    collection, classifier = await _wanted(library, name)
    if collection.weights_sha256 != classifier.weights_sha256:
        layer = classifier.embedding_layer
        dim = classifier.shapes[layer][0]
        target = replace(collection, weights_sha256=classifier.weights_sha256, layer=layer, dim=dim)
        await run_to_end(lambda: library.store.begin_reembedding(name, target.weights_sha256))
        try:
            await _all(Reembedding(library, target), told)
        except StaleCollection:
            now = await asyncio.to_thread(library.store.collection, name)
            if now.weights_sha256 != target.weights_sha256:  # else another process was at the same, and was quicker
                raise
    swept: int | None = 0
    while swept is not None:
        swept = await run_to_end(partial(library.store.sweep, name, swept))
    return await asyncio.to_thread(lambda: library.store.collection(name))


async def _wanted(library: Library, name: str) -> tuple[Collection, Classifier]:
    """A collection and its model, if it can be embedded by it."""
    collection = await asyncio.to_thread(lambda: library.store.collection(name))
    classifier = library.answers.registry.get(collection.model)
    if classifier.weights_sha256 != collection.weights_sha256 and collection.count and not collection.originals:
        raise StaleCollection(
            f"collection {name!r} does not keep its images, so they cannot be embedded again: import the folder again"
            " into a new collection, one that keeps originals if this is to work next time"
        )
    return collection, classifier


async def _all(renewal: Reembedding, told: ReportProgress) -> None:
    """Round after round, for whoever has the old weights may add images meanwhile."""
    store, name, weights = renewal.library.store, renewal.target.name, renewal.target.weights_sha256
    while True:
        waiting = await asyncio.to_thread(store.not_reembedded, name)
        total = max((await asyncio.to_thread(store.collection, name)).count, len(waiting))
        for start in range(0, len(waiting), TOGETHER):
            done = total - len(waiting) + start
            told(done / max(total, 1), f"{done} of {total} images embedded again")
            found = await _seen(renewal, waiting[start : start + TOGETHER])
            await run_to_end(partial(store.renew, name, weights, found))
        await asyncio.to_thread(_complain, renewal)
        if await run_to_end(partial(store.finish_reembedding, name, renewal.target)):
            return


async def _seen(renewal: Reembedding, ids: Sequence[int]) -> Mapping[int, Item]:
    """What the new weights see of items; those they refuse are noted, and those that are gone left out."""
    few, found = asyncio.Semaphore(AT_ONCE), dict[int, Item]()

    async def see(number: int) -> None:
        async with few:
            try:
                found[number] = await _again(renewal, number)
            except UnknownName:
                pass
            except StaleCollection:
                raise
            except (RequestError, ModelFault) as error:
                renewal.refused[number] = error

    try:
        async with asyncio.TaskGroup() as together:
            for number in ids:
                together.create_task(see(number))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return found


async def _again(renewal: Reembedding, number: int) -> Item:
    target, answers = renewal.target, renewal.library.answers
    was = await asyncio.to_thread(renewal.library.store.item, target.name, number)
    if was.original is None:
        raise BadParameter("its original is not kept")
    inspection = await _patiently(partial(answers.inspect, was.original, target.model))
    now = await asyncio.to_thread(_like, was, inspection, target)
    if was.mask_original is None:
        return now
    covered = await _patiently(partial(renewal.library.covered, was.mask_original, inspection))
    return replace(with_mask(now, covered, b"", target), mask_original=None)


async def _patiently(submit_reembedding: Callable[[], Awaitable[T]]) -> T:
    """The answer, asked for again where others keep the service busy."""
    for pause in PAUSES:
        try:
            return await submit_reembedding()
        except (Overloaded, DeadlineExceeded):
            await asyncio.sleep(pause)
    return await submit_reembedding()


def _like(was: Item, inspection: Inspection, target: Collection) -> Item:
    """An item as it was, but for what depends on the weights. A mask that was not kept as it came, as those of older
    collections, is fitted to the grid that the maps have now.
    """
    if inspection.classifier.weights_sha256 != target.weights_sha256:
        raise StaleCollection(f"the weights of model {target.model!r} changed meanwhile; start again")
    now = build_item(inspection, b"", target, was.name, was.label)
    shape = (now.field.shape[0], now.field.shape[1])
    mask = None if was.mask is None else cells(was.mask, shape).astype(np.float16)
    return replace(now, mask=mask, thumbnail=was.thumbnail, original=None)


def _complain(renewal: Reembedding) -> None:
    """Raises BadParameter for images that are still there and that the model cannot see."""
    name, refused = renewal.target.name, renewal.refused
    there = renewal.library.store.named(name, list(refused))
    if there:
        which = "; ".join(f"item {one} ({line.name or line.label}): {refused[one]}" for one, line in there.items())
        raise BadParameter(
            f"model {renewal.target.model!r} cannot see {len(there)} images of collection {name!r}; remove them, and"
            f" start again, which goes on from here. {which[:MOST_SAID]}"
        )
    refused.clear()
