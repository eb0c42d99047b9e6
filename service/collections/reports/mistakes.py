"""The worst mistakes of a classifier over labelled images, each explained from both sides."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from service.collections.reports.value import Finite, Grid, Value, grid
from service.errors import TrainingError
from service.explain.methods import METHODS
from service.models.classifier import Classifier
from service.models.scores import direction, label_logits, probabilities
from service.runtime.batch_inference import InspectedImage
from service.runtime.examine import method_named
from service.runtime.inspection import MapRequest, compute_maps

METHOD = "gradcam"


class Side(Value):
    """What speaks for one class in one image."""

    label: str
    probability: Finite
    logit: Finite
    map: Grid
    """Raw and signed, at the layer's resolution."""


class Mistake(Value):
    """One image that was called something else than it is."""

    image: str
    truth: Side
    said: Side
    contrast: Grid
    """The map of the difference of both logits: positive where an image speaks for what was said rather than truth."""


class Mistakes(Value):
    """The report."""

    images: int
    """With a label that the model knows."""
    wrong: int
    method: str
    layer: str
    confused: dict[str, int]
    """How often each pair happened: `truth → said`, the commonest first."""
    worst: list[Mistake]
    """The most confident ones, by the probability of the wrong class."""


@dataclass(frozen=True)
class Found:
    """The report and the pictures that belong to it: uint8 [s, s, 3] as the model saw each of `worst`."""

    report: Mistakes
    pictures: list[NDArray[np.uint8]]


def mistakes(classifier: Classifier, images: Iterable[InspectedImage], most: int, method: str = METHOD) -> Found:
    """The `most` worst mistakes. Feature maps are held of those alone.

    Raises UnknownName or DoesNotApply for a method, TrainingError where no image has a label that the model knows.
    """
    row = method_named(method, classifier, classifier.cut)
    entry = classifier.entry
    count, pairs = 0, dict[str, int]()
    worst: list[tuple[float, int, InspectedImage]] = []
    for number, seen in enumerate(images):
        if seen.image.label not in entry.labels:
            continue
        count += 1
        chances = probabilities(seen.logits, entry)
        said = int(chances.argmax())
        if entry.labels[said] == seen.image.label:
            continue
        pair = f"{seen.image.label} → {entry.labels[said]}"
        pairs[pair] = pairs.get(pair, 0) + 1
        keep = heapq.heappush if len(worst) < most else heapq.heappushpop
        alone = replace(
            seen, inspection=replace(seen.inspection, A=seen.inspection.A.clone())
        )  # a view would hold its whole batch
        keep(worst, (float(chances[said]), -number, alone))
    if not count:
        raise TrainingError(f"no image has a label that model {entry.name!r} knows: {', '.join(entry.labels[:10])}")
    ordered = [seen for *_, seen in sorted(worst, key=lambda one: (-one[0], -one[1]))]
    report = Mistakes(
        images=count,
        wrong=sum(pairs.values()),
        method=row.name,
        layer=classifier.cut,
        confused=dict(sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))),
        worst=[_explained(seen, row.name) for seen in ordered],
    )
    return Found(report, [seen.inspection.prepared.x for seen in ordered])


def _explained(seen: InspectedImage, method: str) -> Mistake:
    """Three maps from one look: truth, what was said, and the difference of the two directions."""
    entry = seen.inspection.classifier.entry
    chances, scores = probabilities(seen.logits, entry), label_logits(seen.logits, entry)
    truth, said = entry.labels.index(seen.image.label), int(chances.argmax())
    sides = [direction(index, entry) for index in (truth, said)]
    row = METHODS[method]
    targets = torch.stack([*sides, sides[1] - sides[0]])
    grids = compute_maps(seen.inspection, MapRequest(row, targets, row.parameters().model_dump(), float("inf"))).grids
    told = [
        Side(label=entry.labels[index], probability=float(chances[index]), logit=float(scores[index]), map=grid(each))
        for index, each in zip((truth, said), grids, strict=False)
    ]
    return Mistake(image=seen.image.name, truth=told[0], said=told[1], contrast=grid(grids[2]))
