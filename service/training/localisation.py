"""How well a classifier's maps find what they should: the tables of weakly supervised localisation.

The rules are those of ILSVRC as Zhou 2016 and Selvaraju 2017 report them: the box of the largest connected region above
the method's threshold counts as a hit where it overlaps the true box by half or more (intersection over union), and
only if the class is right as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from service.errors import TrainingError
from service.explain.boxes import boxes, intersection_over_union
from service.explain.method import Method
from service.images.coverage import visible
from service.images.picture import upsample
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.models.scores import direction, probabilities
from service.runtime.batch_inference import InspectedImage, LabelledImage, frame_mask, inspect_all
from service.runtime.inspection import MapRequest, compute_maps
from service.training.labelled_images import MASK, TRUTH

HALF = 0.5
TOLERANCE = 15
"""Pixels of the framed image by which the pointing game may miss, as in Zhang 2016 (arXiv 1608.00507)."""

REASONS = {
    "glaucoma": ("disc",),
    "retinopathy": ("microaneurysms", "haemorrhages", "exudates"),
    "macular_degeneration": ("drusen",),
    "disc_swelling": ("disc", "swelling"),
}
"""The drawn parts that make a class what it is; a normal eye has none, and is not asked for."""


@dataclass(frozen=True)
class Score:
    """One line of the table. Errors, hits and energy are fractions of all images, 0 to 1.

    class_1, class_5: classification error of the likeliest class, of the five likeliest. place_1, place_5: the same
    with the box wrong counted as an error. pointing: the map's maximum lies in the mask or within `TOLERANCE` of it.
    energy: the map's positive mass inside the mask.
    """

    model: str
    method: str
    images: int
    class_1: float
    class_5: float
    place_1: float
    place_5: float
    pointing: float
    energy: float


def truth(image: LabelledImage) -> NDArray[np.bool_]:
    """What a map should find, bool [h, w]: as marked by the owner, or the drawn reason; empty where there is none."""
    found = np.zeros(image.pixels.shape[:2], bool)
    for name in (TRUTH, *REASONS.get(image.label, ())):
        found |= image.masks.get(name, False)
    return found


def localise(
    classifier: Classifier, methods: Sequence[Method], images: Iterable[LabelledImage], layer: str | None = None
) -> list[Score]:
    """One score a method, over the specimens that have a truth. layer: left out, the classifier's default cut.

    Raises TrainingError for a label that the model does not know, or where there is nothing to find.
    """
    told = (one for one in images if truth(one).any())
    found = [[_one(seen, method) for method in methods] for seen in inspect_all(classifier, told, layer)]
    if not found:
        raise TrainingError(f"there is nothing to find: no image has a line in boxes.csv or a NAME{MASK} beside it")
    means = np.mean(found, axis=0)
    return [
        Score(classifier.entry.name, method.name, len(found), *map(float, row))
        for method, row in zip(methods, means, strict=True)
    ]


def _one(seen: InspectedImage, method: Method) -> tuple[float, ...]:
    """The six figures of one image, in the order of `Score`."""
    entry, geometry = seen.inspection.classifier.entry, seen.inspection.prepared.geometry
    index = known(seen.image.label, entry)
    chances = probabilities(seen.logits, entry)
    rank = int((chances > chances[index]).sum())
    target = direction(index, entry)[None]
    grid = compute_maps(
        seen.inspection, MapRequest(method, target, method.parameters().model_dump(), float("inf"))
    ).grids[0]
    heat = np.maximum(upsample(grid, geometry.size), 0)
    mask = frame_mask(truth(seen.image), geometry)
    hit = _hits(heat, mask, method.box_threshold, visible(geometry))
    pointed = heat.max() > 0 and ndimage.distance_transform_edt(~mask).ravel()[heat.argmax()] <= TOLERANCE
    energy = float(heat[mask].sum() / heat.sum()) if heat.sum() > 0 else 0.0
    return rank > 0, rank > 4, not (rank == 0 and hit), not (rank <= 4 and hit), bool(pointed), energy


def known(label: str, entry: Entry) -> int:
    """The index of a label. Raises TrainingError naming what the model knows instead."""
    if label not in entry.labels:
        labels = ", ".join(entry.labels[:10])
        raise TrainingError(f"model {entry.name!r} knows no class {label!r}; it knows {labels}")
    return entry.labels.index(label)


def _hits(
    heat: NDArray[np.float32], mask: NDArray[np.bool_], threshold: float, shown: NDArray[np.bool_] | None = None
) -> bool:
    found = boxes(heat, threshold, shown)
    if not found or not mask.any():
        return False
    rows, columns = np.nonzero(mask)
    truth = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    best = found[0]
    return intersection_over_union((best.left, best.top, best.right, best.bottom), truth) >= HALF
