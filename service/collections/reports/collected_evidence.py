"""From images that a model has seen to the arrays that reports are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from service.collections.cells import cells
from service.collections.reports.evidence import Evidence
from service.errors import DoesNotApply, TrainingError
from service.explain.methods import METHODS
from service.images.field import field_mask
from service.models.classifier import Classifier
from service.models.scores import direction, label_logits
from service.runtime.batch_inference import InspectedImage, frame_mask
from service.runtime.inspection import Inspection, MapRequest, compute_maps

MOST_CLASSES = 100
"""More classes than these have too many maps for one report."""

Tick = Callable[[int], None]


@dataclass(frozen=True)
class CollectedEvidence:
    """evidence: of all images. backgrounds: the mean image uint8 [s, s, 3] of those called each class."""

    evidence: Evidence
    backgrounds: dict[str, NDArray[np.uint8]]


def class_maps(inspection: Inspection) -> NDArray[np.float32]:
    """The raw signed map of every class, float32 [K, h, w], at the look's layer.

    HiResCAM: for a pooled linear head the class activation map over the number of cells, so that its sum and the bias
    are the logit. Raises DoesNotApply for more than MOST_CLASSES classes.
    """
    entry = inspection.classifier.entry
    if len(entry.labels) > MOST_CLASSES:
        raise DoesNotApply(
            f"model {entry.name!r} has {len(entry.labels)} classes, and maps of all are made for {MOST_CLASSES} at most"
        )
    targets = torch.stack([direction(index, entry) for index in range(len(entry.labels))])
    return compute_maps(inspection, MapRequest(METHODS["hirescam"], targets, {}, float("inf"))).grids


def predicted_class(seen: InspectedImage) -> int:
    """The index of the likeliest class."""
    return int(label_logits(seen.logits, seen.inspection.classifier.entry).argmax())


def field_of(seen: InspectedImage) -> NDArray[np.bool_]:
    """The field of view as the model sees it, bool [s, s]: as it is known, or as it is found in the pixels.

    Everything where nothing is known and the model's frame looks for no field of view either.
    """
    known, prepared = seen.image.masks.get("field"), seen.inspection.prepared
    if known is not None:
        return frame_mask(known, prepared.geometry)
    if seen.inspection.classifier.entry.frame.field_of_view:
        return field_mask(prepared.x)
    return np.ones(prepared.x.shape[:2], bool)


def collect_evidence(
    classifier: Classifier, images: Iterable[InspectedImage], mask: str = "", tick: Tick = lambda _: None
) -> CollectedEvidence:
    """The evidence of all images. mask: the name of the mask that marks the anatomy; every image must have it.

    Raises TrainingError where there are no images, or one lacks the mask, and what `class_maps` raises.
    """
    entry = classifier.entry
    labels, predicted, grids, fields, masks = [], [], [], [], []
    sums: dict[int, tuple[NDArray[np.float64], int]] = {}
    for seen in images:
        answer, grid = predicted_class(seen), class_maps(seen.inspection)
        shape = (grid.shape[1], grid.shape[2])
        label = seen.image.label
        labels.append(entry.labels.index(label) if label in entry.labels else -1)
        predicted.append(answer)
        grids.append(grid)
        fields.append(cells(field_of(seen), shape))
        if mask:
            masks.append(cells(frame_mask(_mask(seen, mask), seen.inspection.prepared.geometry), shape))
        total, count = sums.get(answer, (np.zeros(seen.inspection.prepared.x.shape), 0))
        sums[answer] = total + seen.inspection.prepared.x, count + 1
        tick(1)
    if not grids:
        raise TrainingError("there are no images to look at")
    evidence = Evidence(
        labels=np.array(labels, np.int64),
        predicted=np.array(predicted, np.int64),
        maps=np.stack(grids),
        field=np.stack(fields),
        mask=np.stack(masks) if masks else None,
        names=entry.labels,
        rivals=entry.rivals,
    )
    means = {entry.labels[k]: np.rint(total / count).astype(np.uint8) for k, (total, count) in sums.items()}
    return CollectedEvidence(evidence, means)


def _mask(seen: InspectedImage, name: str) -> NDArray[np.bool_]:
    if name not in seen.image.masks:
        known = ", ".join(seen.image.masks) or "none"
        raise TrainingError(f"{seen.image.name} has no mask {name!r}; it has {known}")
    return seen.image.masks[name]
