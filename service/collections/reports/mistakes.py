"""The most confident mistakes of a classifier over labelled images, each with maps of both classes."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from service.collections.reports.value import Finite, Grid, Value, to_grid
from service.errors import TrainingError
from service.explain.methods import METHODS
from service.models.classifier import Classifier
from service.models.scores import direction, label_logits, probabilities
from service.runtime.batch_inference import InspectedImage
from service.runtime.inspection import MapRequest, compute_maps
from service.runtime.validation import applicable_method

DEFAULT_METHOD = "gradcam"


class ClassEvidence(Value):
    """The evidence for one class in one image."""

    label: str
    probability: Finite
    logit: Finite
    map: Grid
    """Raw and signed, at the layer's resolution."""


class Mistake(Value):
    """One image whose prediction is not its label."""

    image: str
    truth: ClassEvidence
    predicted: ClassEvidence
    contrast: Grid
    """The map of the difference of both logits: positive where the image supports the prediction."""


class Mistakes(Value):
    """The report."""

    images: int
    """With a label that the model has."""
    wrong: int
    method: str
    layer: str
    confusions: dict[str, int]
    """How often each pair occurs: `truth → predicted`, the most frequent first."""
    worst: list[Mistake]
    """The most confident ones, by the probability of the wrong class."""


@dataclass(frozen=True)
class MistakesResult:
    """The report, and the pixels uint8 [s, s, 3] that the model saw of each image of `worst`."""

    report: Mistakes
    pictures: list[NDArray[np.uint8]]


def mistakes(
    classifier: Classifier, images: Iterable[InspectedImage], limit: int, method: str = DEFAULT_METHOD
) -> MistakesResult:
    """The `limit` most confident mistakes. Feature maps of no other images are kept.

    Raises UnknownName or DoesNotApply for a method, TrainingError where no image has a label of the model.
    """
    row = applicable_method(method, classifier, classifier.cut)
    entry = classifier.entry
    count, pairs = 0, dict[str, int]()
    worst: list[tuple[float, int, InspectedImage]] = []
    for number, inspected in enumerate(images):
        if inspected.image.label not in entry.labels:
            continue
        count += 1
        chances = probabilities(inspected.logits, entry)
        predicted = int(chances.argmax())
        if entry.labels[predicted] == inspected.image.label:
            continue
        pair = f"{inspected.image.label} → {entry.labels[predicted]}"
        pairs[pair] = pairs.get(pair, 0) + 1
        keep = heapq.heappush if len(worst) < limit else heapq.heappushpop
        keep(worst, (float(chances[predicted]), -number, _without_batch(inspected)))
    if not count:
        raise TrainingError(f"no image has a label of model {entry.name!r}: {', '.join(entry.labels[:10])}")
    ordered = [inspected for *_, inspected in sorted(worst, key=lambda one: (-one[0], -one[1]))]
    report = Mistakes(
        images=count,
        wrong=sum(pairs.values()),
        method=row.name,
        layer=classifier.cut,
        confusions=dict(sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))),
        worst=[_explain(inspected, row.name) for inspected in ordered],
    )
    return MistakesResult(report, [inspected.inspection.prepared.x for inspected in ordered])


def _without_batch(inspected: InspectedImage) -> InspectedImage:
    """A copy of the feature maps: a view would hold its whole batch."""
    return replace(inspected, inspection=replace(inspected.inspection, A=inspected.inspection.A.clone()))


def _explain(inspected: InspectedImage, method: str) -> Mistake:
    """Three maps from one inspection: truth, prediction, and the difference of the two directions."""
    entry = inspected.inspection.classifier.entry
    chances, scores = probabilities(inspected.logits, entry), label_logits(inspected.logits, entry)
    indexes = entry.labels.index(inspected.image.label), int(chances.argmax())
    directions = [direction(index, entry) for index in indexes]
    row = METHODS[method]
    targets = torch.stack([*directions, directions[1] - directions[0]])
    request = MapRequest(row, targets, row.parameters().model_dump(), float("inf"))
    maps = compute_maps(inspected.inspection, request).grids
    truth, predicted = (
        ClassEvidence(
            label=entry.labels[index], probability=float(chances[index]), logit=float(scores[index]), map=to_grid(grid)
        )
        for index, grid in zip(indexes, maps, strict=False)
    )
    return Mistake(image=inspected.image.name, truth=truth, predicted=predicted, contrast=to_grid(maps[2]))
