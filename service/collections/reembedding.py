"""Embed all images of a collection again with the model as it is now. Until the last one is done, nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np

from service.collections.cells import cell_shares
from service.collections.collection import Collection, Item
from service.collections.fingerprint import Fingerprint
from service.collections.item_builder import build_item, with_mask
from service.collections.library import Library
from service.collections.staleness import fingerprint_of
from service.collections.store.interface import Store
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
from service.jobs.job import Job, ReportProgress
from service.models.classifier import Classifier
from service.runtime.inspection import Inspection

T = TypeVar("T")

BATCH = 16
"""Images stored in one transaction; after a kill, at most this many are computed again."""

CONCURRENT_IMAGES = 2
"""Images computed at a time: how many a request may find ahead of it."""

RETRY_PAUSES = (1.0,) * 30
"""Seconds to wait before each new try while other requests keep the service busy."""

MAX_REASON_LENGTH = 1000
"""Characters of the error about images that the model refuses."""


@dataclass(frozen=True)
class Reembedding:
    """What a collection is to become.

    target: the collection with the fingerprint and the dim of its model now. refused: the reason, by item.
    """

    library: Library
    target: Collection
    refused: dict[int, FoveaError] = field(default_factory=dict)


async def submit_reembedding(library: Library, name: str) -> Job:
    """A job that re-embeds a collection. Raises UnknownName, StaleCollection, ModelUnavailable, Overloaded."""
    await _open(library, name)
    return await library.jobs.submit("reembedding", name, {})


async def run_reembedding_job(library: Library, job: Job, report_progress: ReportProgress) -> str:
    """The job kind that re-embeds a collection; its result is the collection's name."""
    return (await reembed(library, job.subject, report_progress)).name


async def reembed(library: Library, name: str, report_progress: ReportProgress) -> Collection:
    """Embed all images of a collection again, unless they fit the model already; the collection as it then is.

    Continues where the same model was interrupted. Raises what `submit_reembedding` raises, and BadParameter where the
    model refuses some of the images; then, or cancelled or killed, the collection is unchanged.
    """
    collection, classifier = await _open(library, name)
    fingerprint = fingerprint_of(classifier)
    if collection.fingerprint != fingerprint:
        target = replace(collection, fingerprint=fingerprint, dim=classifier.shapes[fingerprint.layer][0])
        await library.write_store(lambda store: store.reembeddings.begin(name, fingerprint))
        try:
            await _embed_all(Reembedding(library, target), report_progress)
        except StaleCollection:
            now = await library.with_store(lambda store: store.collections.get(name))
            if now.fingerprint != fingerprint:  # otherwise another process did the same and was faster
                raise
    await _delete_leftovers(library, name)
    return (await library.collection(name)).collection


async def _open(library: Library, name: str) -> tuple[Collection, Classifier]:
    """A collection and its model, if the model can embed it."""
    collection = (await library.collection(name)).collection
    classifier = library.answers.registry.get(collection.model)
    if fingerprint_of(classifier) != collection.fingerprint and collection.count and not collection.originals:
        raise StaleCollection(
            f"collection {name!r} does not store its images, so they cannot be embedded again: import the folder again"
            " into a new collection, with originals if re-embedding is to work next time"
        )
    return collection, classifier


async def _embed_all(work: Reembedding, report_progress: ReportProgress) -> None:
    """Repeat until no item is pending: processes with the old model may add images in the meantime."""
    library, name, fingerprint = work.library, work.target.name, work.target.fingerprint
    while True:
        pending = await library.with_store(lambda store: store.reembeddings.pending(name))
        total = max((await library.collection(name)).collection.count, len(pending))
        for start in range(0, len(pending), BATCH):
            done = total - len(pending) + start
            report_progress(done / max(total, 1), f"{done} of {total} images embedded again")
            items = await _embed_batch(work, pending[start : start + BATCH])
            await library.write_store(partial(_save, name=name, fingerprint=fingerprint, items=items))
        await _check_refused(work)
        if await library.write_store(lambda store: store.reembeddings.finish(name, work.target)):
            return


def _save(store: Store, name: str, fingerprint: Fingerprint, items: Mapping[int, Item]) -> None:
    store.reembeddings.save(name, fingerprint, items)


async def _embed_batch(work: Reembedding, ids: Sequence[int]) -> Mapping[int, Item]:
    """New versions of items. Refused ones are noted; those that were removed are left out."""
    slots, items = asyncio.Semaphore(CONCURRENT_IMAGES), dict[int, Item]()

    async def embed(item_id: int) -> None:
        async with slots:
            try:
                items[item_id] = await _embed(work, item_id)
            except UnknownName:
                pass
            except StaleCollection:
                raise
            except (RequestError, ModelFault) as error:
                work.refused[item_id] = error

    try:
        async with asyncio.TaskGroup() as group:
            for item_id in ids:
                group.create_task(embed(item_id))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return items


async def _embed(work: Reembedding, item_id: int) -> Item:
    target, library = work.target, work.library
    old = await library.with_store(lambda store: store.items.get(target.name, item_id))
    if old.original is None:
        raise BadParameter("its original is not stored")
    inspection = await _retry_while_busy(partial(library.answers.inspect, old.original, target.model))
    new = await asyncio.to_thread(_new_version, old, inspection, target)
    if old.mask_original is None:
        return new
    mask = await _retry_while_busy(partial(library.mask_shares, old.mask_original, inspection))
    return replace(with_mask(new, mask, b"", target), mask_original=None)


async def _retry_while_busy(call: Callable[[], Awaitable[T]]) -> T:
    """The result of a call, tried again while other requests keep the service busy."""
    for pause in RETRY_PAUSES:
        try:
            return await call()
        except (Overloaded, DeadlineExceeded):
            await asyncio.sleep(pause)
    return await call()


def _new_version(old: Item, inspection: Inspection, target: Collection) -> Item:
    """An item with everything that depends on the model computed anew.

    A mask without its original, as older collections have, is only resampled to the grid of the new maps.
    """
    if fingerprint_of(inspection.classifier) != target.fingerprint:
        raise StaleCollection(f"model {target.model!r} changed in the meantime; start again")
    new = build_item(inspection, b"", target, old.name, old.label)
    shape = (new.field.shape[0], new.field.shape[1])
    mask = None if old.mask is None else cell_shares(old.mask, shape).astype(np.float16)
    return replace(new, mask=mask, thumbnail=old.thumbnail, original=None)


async def _check_refused(work: Reembedding) -> None:
    """Raises BadParameter for images that the model refuses, unless they have been removed."""
    name, refused = work.target.name, work.refused
    existing = await work.library.with_store(lambda store: store.items.summaries(name, list(refused)))
    if existing:
        reasons = "; ".join(
            f"item {item_id} ({summary.name or summary.label}): {refused[item_id]}"
            for item_id, summary in existing.items()
        )
        raise BadParameter(
            f"model {work.target.model!r} refuses {len(existing)} images of collection {name!r}; remove them and start"
            f" again, which continues from here. {reasons[:MAX_REASON_LENGTH]}"
        )
    refused.clear()


async def _delete_leftovers(library: Library, name: str) -> None:
    """Delete the versions that are no longer used, page by page."""

    def delete_page(store: Store, after: int) -> int | None:
        return store.reembeddings.delete_leftovers(name, after)

    after: int | None = 0
    while after is not None:
        after = await library.write_store(partial(delete_page, after=after))
