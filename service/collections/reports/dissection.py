"""Network dissection (Bau 2017): which single units of a layer detect concepts that masks mark.

Per unit u: T_u such that P(a_u > T_u) = 0.005 over every position of every image; the unit's map is enlarged
bilinearly and compared with T_u; IoU(u, c) is the overlap of that region with the masks of concept c over the whole
set, counted in pixels of all images together. A unit detects its best concept where IoU > 0.04.

The set is read twice, and of an image only what the answer needs is kept. The first pass keeps the largest 0.5 % of
every unit's activations, which gives the exact threshold, in 4 · units · 0.005 · images · h · w bytes: 4 kB per image
for 64 maps of 56 × 56, 0.5 kB for 512 of 7 × 7. The second keeps counts [units, concepts], and the few top-activating
images of each unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from service.collections.reports.collected_evidence import Advance
from service.collections.reports.dissection_report import Concept, Dissection, TopActivation, Unit
from service.errors import TrainingError
from service.images.rendering import resized
from service.models.classifier import Classifier
from service.runtime.batch_inference import InspectedImage, LabelledImage, frame_mask, inspect_all

QUANTILE = 0.005
"""The share of all activations of a unit that lie above its threshold."""

IOU_THRESHOLD = 0.04
"""The IoU above which a unit is a detector."""

SIDE = 112
"""Pixels per side at which masks and enlarged activations are compared, as in the paper's own code."""

TOP_IMAGES = 4
"""Top-activating images of every unit."""

CHUNK = 64
"""Units that are enlarged at a time."""


class ActivationThresholds:
    """The first pass: the largest activations of every unit, and the images that have them.

    values: how many activations every unit will have: images · h · w.
    """

    def __init__(self, units: int, values: int) -> None:
        self.keep = math.floor(QUANTILE * values) + 1
        self.values = values
        self._largest = torch.full((units, 0), -torch.inf)
        self._added = 0
        self._maxima = torch.full((units, 0), -torch.inf)
        self._images = torch.zeros((units, 0), dtype=torch.long)
        self._count = 0

    def add(self, A: Tensor) -> None:
        """Add feature maps [n, units, h, w], float32."""
        flat = A.movedim(1, 0).flatten(1)  # (units, n·h·w)
        self._added += flat.shape[1]
        candidates = torch.cat([self._largest, flat], 1)
        self._largest = candidates.topk(min(self.keep, candidates.shape[1]), 1, sorted=False).values
        maxima = torch.cat([self._maxima, A.amax((2, 3)).T], 1)
        numbers = torch.arange(self._count, self._count + len(A)).expand(A.shape[1], -1)
        images = torch.cat([self._images, numbers], 1)
        self._maxima, order = maxima.topk(min(TOP_IMAGES, maxima.shape[1]), 1)
        self._images = images.gather(1, order)
        self._count += len(A)

    @property
    def thresholds(self) -> Tensor:
        """[units]: the largest activation of each that is not among its largest 0.5 %.

        Raises ValueError unless exactly the announced number of values was added.
        """
        if self._added != self.values:
            raise ValueError(f"{self._added} activations of a unit were added, and {self.values} were announced")
        return self._largest.amin(1)

    @property
    def top_images(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Images and their largest activation, both [units, up to TOP_IMAGES], the largest first."""
        return self._images.numpy(), self._maxima.numpy()


class Overlaps:
    """The second pass: how much the units' regions overlap the concepts, in pixels of all images together."""

    def __init__(self, thresholds: Tensor, concepts: int) -> None:
        self.thresholds = thresholds
        self._both = torch.zeros(len(thresholds), concepts, dtype=torch.float64)
        self._regions = torch.zeros(len(thresholds), dtype=torch.float64)
        self._marked = torch.zeros(concepts, dtype=torch.float64)
        self._pixels = 0

    def add(self, A: Tensor, masks: Tensor) -> None:
        """Add feature maps [n, units, h, w] and masks bool [n, concepts, SIDE, SIDE] of the same images."""
        marked = masks.flatten(2).float()  # (n, concepts, pixels)
        self._marked += marked.sum((0, 2))
        self._pixels += marked.shape[0] * marked.shape[2]
        for start in range(0, A.shape[1], CHUNK):
            units = slice(start, start + CHUNK)
            above = enlarge(A[:, units], (SIDE, SIDE)) > self.thresholds[units, None, None]
            regions = above.flatten(2).float()  # (n, chunk, pixels)
            self._both[units] += (regions @ marked.mT).sum(0)
            self._regions[units] += regions.sum((0, 2))

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union, [units, concepts]; 0 where both are empty."""
        union = self._regions[:, None] + self._marked - self._both
        return torch.where(union > 0, self._both / union, 0.0).numpy()

    @property
    def areas(self) -> NDArray[np.float64]:
        """[concepts], the share of all pixels that each covers."""
        return (self._marked / max(1, self._pixels)).numpy()


def enlarge(A: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps [n, c, h, w] at [n, c, *size], bilinear between cell centres."""
    return interpolate(A, size=size, mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class TopRegion:
    """A top-activating image uint8 [h, w, 3], its longer side SIDE, and where the unit is above its threshold."""

    picture: NDArray[np.uint8]
    region: NDArray[np.bool_]


TopRegions = dict[int, list[TopRegion]]


def dissect(
    classifier: Classifier,
    start: Callable[[], Iterator[LabelledImage]],
    count: int,
    layer: str = "",
    advance: Advance = lambda _: None,
) -> tuple[Dissection, TopRegions]:
    """Dissect a layer, by default the last map, over `count` images. start: gives the same images each time.

    An image without a mask of a concept counts as one without the concept. advance: called with 1 for every image of
    both passes. Raises UnknownName, DoesNotApply for a layer without a map, TrainingError where no image has a mask.
    """
    layer = classifier.with_maps(layer)
    thresholds: ActivationThresholds | None = None
    names: list[str] = []
    concepts: set[str] = set()
    for inspected in inspect_all(classifier, start(), layer=layer):
        A = _maps(inspected)
        thresholds = thresholds or ActivationThresholds(A.shape[1], count * A.shape[2] * A.shape[3])
        thresholds.add(A)
        names.append(inspected.image.name)
        concepts |= {name for name, mask in inspected.image.masks.items() if mask.any()}
        advance(1)
    if thresholds is None or not concepts:
        raise TrainingError("no image has a mask of a concept; put NAME.CONCEPT.mask.png beside NAME.jpg")
    ordered = sorted(concepts)
    overlaps, regions = _second_pass(classifier, start, layer, thresholds, ordered, advance)
    return _report(layer, names, ordered, thresholds, overlaps), regions


def _second_pass(
    classifier: Classifier,
    start: Callable[[], Iterator[LabelledImage]],
    layer: str,
    thresholds: ActivationThresholds,
    concepts: list[str],
    advance: Advance,
) -> tuple[Overlaps, TopRegions]:
    overlaps = Overlaps(thresholds.thresholds, len(concepts))
    images, _ = thresholds.top_images
    regions: dict[tuple[int, int], TopRegion] = {}
    for number, inspected in enumerate(inspect_all(classifier, start(), layer=layer)):
        A = _maps(inspected)
        overlaps.add(A, _masks(inspected, concepts))
        units, ranks = np.nonzero(images == number)
        if len(units):
            picture = resized(inspected.inspection.prepared.x, SIDE)
            size = (picture.shape[0], picture.shape[1])
            above = (enlarge(A[:, units], size)[0] > thresholds.thresholds[units, None, None]).numpy()
            regions |= {
                (int(unit), int(rank)): TopRegion(picture, region)
                for unit, rank, region in zip(units, ranks, above, strict=True)
            }
        advance(1)
    return overlaps, {unit: [regions[unit, rank] for rank in range(images.shape[1])] for unit in range(len(images))}


def _maps(inspected: InspectedImage) -> Tensor:
    """Feature maps [1, C, h, w]; tokens are arranged in their grid."""
    return inspected.inspection.feature_maps.float()


def _masks(inspected: InspectedImage, concepts: list[str]) -> Tensor:
    """bool [1, concepts, SIDE, SIDE]: masks where the model sees them."""
    empty = np.zeros(inspected.image.pixels.shape[:2], bool)
    geometry = replace(inspected.inspection.prepared.geometry, size=(SIDE, SIDE))
    masks = [frame_mask(inspected.image.masks.get(name, empty), geometry) for name in concepts]
    return torch.from_numpy(np.stack(masks))[None]


def _report(
    layer: str, names: list[str], concepts: list[str], thresholds: ActivationThresholds, overlaps: Overlaps
) -> Dissection:
    iou, areas = overlaps.iou, overlaps.areas
    images, values = thresholds.top_images
    best = iou.argmax(1)
    units = [
        Unit(
            unit=unit,
            threshold=float(threshold),
            concept=concepts[best[unit]],
            iou=float(iou[unit, best[unit]]),
            detector=bool(iou[unit, best[unit]] > IOU_THRESHOLD),
            top_activations=[
                TopActivation(image=names[image], activation=float(value))
                for image, value in zip(images[unit], values[unit], strict=True)
            ],
        )
        for unit, threshold in enumerate(thresholds.thresholds.tolist())
    ]
    found = [
        Concept(
            name=name,
            area=float(areas[c]),
            ceiling=float(min(areas[c], QUANTILE) / max(areas[c], QUANTILE)),
            detectors=sum(unit.detector and unit.concept == name for unit in units),
            best_unit=int(iou[:, c].argmax()),
            best_iou=float(iou[:, c].max()),
        )
        for c, name in enumerate(concepts)
    ]
    return Dissection(
        layer=layer,
        images=len(names),
        quantile=QUANTILE,
        iou_threshold=IOU_THRESHOLD,
        detectors=sum(unit.detector for unit in units),
        concepts=sorted(found, key=lambda concept: (-concept.detectors, -concept.best_iou)),
        units=sorted(units, key=lambda unit: (-unit.iou, unit.unit)),
    )
