"""What a collection kept of its images, as the evidence of a report: no image is looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import Item
from service.collections.reports.bias import bias
from service.collections.reports.bias_page import page
from service.collections.reports.bias_report import Bias
from service.collections.reports.evidence import Evidence
from service.collections.store.sqlite import SqliteStore
from service.errors import DoesNotApply
from service.jobs.queue import ReportProgress

Halves = NDArray[np.float16]


@dataclass(frozen=True)
class StoredEvidence:
    """evidence: of all items. backgrounds: the mean image uint8 [32, 32, 3] of those called each class.

    masked: how many images came with a mask; the evidence has masks only where all of them did.
    """

    evidence: Evidence
    backgrounds: dict[str, NDArray[np.uint8]]
    masked: int


@dataclass
class _Columns:
    """What is read of the items, one after the other."""

    labels: list[int] = field(default_factory=list)
    predicted: list[int] = field(default_factory=list)
    maps: list[Halves] = field(default_factory=list)
    fields: list[Halves] = field(default_factory=list)
    masks: list[Halves] = field(default_factory=list)
    sums: dict[int, NDArray[np.float64]] = field(default_factory=dict)


def bias_report_bytes(arguments: Mapping[str, Any], told: ReportProgress) -> bytes:
    """What the child process is asked for; see `asking.bias_of`."""
    name = arguments["collection"]
    told(0.0, "reading maps")
    store = SqliteStore(Path(arguments["folder"]))
    try:
        items = (item for _, item in store.looks(name))
        found, recalled = judged(items, tuple(arguments["labels"]), arguments["rivals"])
    finally:
        store.close()
    if arguments["form"] == "json":
        return found.model_dump_json().encode()
    source = f"the collection {name}"
    return page(found, source, arguments["model"], arguments["notice"], recalled.backgrounds).encode()


def judged(items: Iterable[Item], labels: tuple[str, ...], rivals: bool) -> tuple[Bias, StoredEvidence]:
    """The bias report on items, and what it rests on. Raises what `read_evidence` raises."""
    recalled = read_evidence(items, labels, rivals)
    report = bias(recalled.evidence)
    if not 0 < recalled.masked < report.images:
        return report, recalled
    said = f"the masks: {recalled.masked} of {report.images} images came with one, and all would have to"
    return report.model_copy(update={"untested": [*report.untested, said]}), recalled


def read_evidence(items: Iterable[Item], labels: tuple[str, ...], rivals: bool) -> StoredEvidence:
    """The evidence of all items. labels: the model's classes. rivals: see `Evidence`.

    It is what `gather` says of the same images, but for maps, which are kept as float16, and mean images, which are of
    the small pictures. Raises DoesNotApply where there are no items, or not every class has a map.
    """
    read = _Columns()
    for item in items:
        read.maps.append(_of_all_classes(item, labels))
        read.labels.append(labels.index(item.label) if item.label in labels else -1)
        read.predicted.append(item.predicted)
        read.fields.append(item.field)
        read.masks.extend([] if item.mask is None else [item.mask])
        read.sums[item.predicted] = read.sums.get(item.predicted, 0) + item.pixels.astype(np.float64)
    if not read.maps:
        raise DoesNotApply("the collection has no images to look at; add some")
    counts = {k: read.predicted.count(k) for k in read.sums}
    evidence = Evidence(
        labels=np.array(read.labels, np.int64),
        predicted=np.array(read.predicted, np.int64),
        maps=np.stack(read.maps).astype(np.float32),
        field=np.stack(read.fields).astype(np.float32),
        mask=np.stack(read.masks).astype(np.float32) if len(read.masks) == len(read.maps) else None,
        names=labels,
        rivals=rivals,
    )
    means = {labels[k]: np.rint(total / counts[k]).astype(np.uint8) for k, total in read.sums.items()}
    return StoredEvidence(evidence, means, len(read.masks))


def _of_all_classes(item: Item, labels: tuple[str, ...]) -> Halves:
    """Maps [K, h, w] in the order of the classes; they are kept in the order of their likelihood."""
    if len(item.mapped) < len(labels):
        raise DoesNotApply(
            f"the model has {len(labels)} classes, and a collection keeps maps of the {len(item.mapped)} likeliest:"
            " what decides between classes cannot be said from them; `fovea evaluate bias` looks at the images again"
            if item.mapped
            else "the model has no maps: what it looks at is not laid out over the image"
        )
    return item.maps[np.argsort(item.mapped)]
