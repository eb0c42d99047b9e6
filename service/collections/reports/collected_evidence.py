"""The evidence of images that a model sees now, such as those of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from service.collections.cells import cell_shares
from service.collections.class_maps import class_maps
from service.collections.reports.evidence_builder import EvidenceBuilder, EvidenceSet, ImageEvidence
from service.errors import DoesNotApply, TrainingError
from service.images.coverage import visible
from service.images.field import field_mask
from service.models.classifier import Classifier
from service.models.scores import label_logits
from service.runtime.batch_inference import InspectedImage, frame_mask
from service.runtime.inspection import Inspection

MAX_CLASSES = 100
"""Classes whose maps fit into one report."""

Advance = Callable[[int], None]
"""Takes the number of images that are done since the last call."""


def all_class_maps(inspection: Inspection) -> NDArray[np.float32]:
    """The map of every class, float32 [K, h, w]; see `class_maps`. Raises DoesNotApply for more than MAX_CLASSES."""
    entry = inspection.classifier.entry
    if len(entry.labels) > MAX_CLASSES:
        raise DoesNotApply(
            f"model {entry.name!r} has {len(entry.labels)} classes; maps of all classes are made for at most"
            f" {MAX_CLASSES}"
        )
    return class_maps(inspection, range(len(entry.labels)))


def predicted_class(inspected: InspectedImage) -> int:
    """The index of the likeliest class."""
    return int(label_logits(inspected.logits, inspected.inspection.classifier.entry).argmax())


def field_of(inspected: InspectedImage) -> NDArray[np.bool_]:
    """The field of view as the model sees it, bool [s, s]: given with the image, or found in the pixels.

    It is everything where none is given and the model's frame does not look for one.
    """
    given, prepared = inspected.image.masks.get("field"), inspected.inspection.prepared
    if given is not None:
        return frame_mask(given, prepared.geometry)
    if inspected.inspection.classifier.entry.frame.field_of_view:
        return field_mask(prepared.x)
    return visible(prepared.geometry)


def collect_evidence(
    classifier: Classifier, images: Iterable[InspectedImage], mask: str = "", advance: Advance = lambda _: None
) -> EvidenceSet:
    """The evidence of all images. mask: the name of the mask that marks the anatomy; every image must have it.

    Raises TrainingError where there are no images, or one lacks the mask, and what `all_class_maps` raises.
    """
    builder = EvidenceBuilder(classifier.entry.labels, classifier.entry.rivals)
    for inspected in images:
        builder.add(_image_evidence(inspected, mask))
        advance(1)
    if not len(builder):
        raise TrainingError("there are no images to evaluate")
    return builder.build()


def _image_evidence(inspected: InspectedImage, mask: str) -> ImageEvidence:
    maps, prepared = all_class_maps(inspected.inspection), inspected.inspection.prepared
    shape = (maps.shape[1], maps.shape[2])
    covered = cell_shares(frame_mask(_mask(inspected, mask), prepared.geometry), shape) if mask else None
    field = cell_shares(field_of(inspected), shape)
    return ImageEvidence(inspected.image.label, predicted_class(inspected), maps, field, covered, prepared.x)


def _mask(inspected: InspectedImage, name: str) -> NDArray[np.bool_]:
    if name not in inspected.image.masks:
        existing = ", ".join(inspected.image.masks) or "none"
        raise TrainingError(f"{inspected.image.name} has no mask {name!r}; it has {existing}")
    return inspected.image.masks[name]
