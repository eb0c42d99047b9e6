"""The bias report from what a collection has stored: no image is decoded and no model runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import Item
from service.collections.reports.bias import bias
from service.collections.reports.bias_page import page
from service.collections.reports.bias_report import Bias
from service.collections.reports.evidence_builder import EvidenceBuilder, EvidenceSet, ImageEvidence
from service.collections.store.opening import open_store
from service.errors import DoesNotApply
from service.jobs.job import ReportProgress


def bias_report_bytes(arguments: Mapping[str, Any], report_progress: ReportProgress) -> bytes:
    """The function of the child process; see `report_requests.bias_report`."""
    name = arguments["collection"]
    report_progress(0.0, "reading maps")
    store = open_store(arguments["location"])
    try:
        items = (item for _, item in store.items.without_pictures(name))
        report, evidence_set = report_on_items(items, tuple(arguments["labels"]), arguments["rivals"])
    finally:
        store.close()
    if arguments["format"] == "json":
        return report.model_dump_json().encode()
    source = f"the collection {name}"
    return page(report, source, arguments["model"], arguments["notice"], evidence_set.backgrounds).encode()


def report_on_items(items: Iterable[Item], labels: tuple[str, ...], rivals: bool) -> tuple[Bias, EvidenceSet]:
    """The bias report on items, and its evidence. Raises what `read_evidence` raises."""
    found = read_evidence(items, labels, rivals)
    report = bias(found.evidence)
    if not 0 < found.masked < report.images:
        return report, found
    note = f"the masks: {found.masked} of {report.images} images have one, and all of them would need one"
    return report.model_copy(update={"untested": [*report.untested, note]}), found


def read_evidence(items: Iterable[Item], labels: tuple[str, ...], rivals: bool) -> EvidenceSet:
    """The evidence of all items. labels: the model's classes. rivals: see `Evidence`.

    It is what `collect_evidence` gives for the same images, except that maps are stored as float16, and mean images
    are of the small pictures. Raises DoesNotApply where there are no items, or not every class has a map.
    """
    builder = EvidenceBuilder(labels, rivals)
    for item in items:
        maps = _maps_by_class(item, labels)
        builder.add(ImageEvidence(item.label, item.predicted, maps, item.field, item.mask, item.pixels))
    if not len(builder):
        raise DoesNotApply("the collection has no images; add some")
    return builder.build()


def _maps_by_class(item: Item, labels: tuple[str, ...]) -> NDArray[np.float16]:
    """Maps [K, h, w] in the order of the classes; they are stored in the order of their probability."""
    if len(item.mapped_classes) < len(labels):
        raise DoesNotApply(
            f"the model has {len(labels)} classes, and a collection stores maps of the {len(item.mapped_classes)}"
            " likeliest, which are not enough for this report; `fovea evaluate bias` computes it from the images"
            if item.mapped_classes
            else "the model has no maps: its features have no positions in the image"
        )
    return item.maps[np.argsort(item.mapped_classes)]
