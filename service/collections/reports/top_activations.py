"""The images of a set with the largest activations of one unit, and the unit's region in each."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from service.collections.reports.dissection import QUANTILE, ActivationThresholds, enlarge
from service.collections.reports.dissection_report import TopActivation
from service.collections.reports.html_page import View, document, paragraph, row, section, sheet
from service.collections.reports.value import Finite, Value
from service.errors import TrainingError
from service.images.rendering import resized, with_highlight
from service.runtime.batch_inference import InspectedImage

SIDE = 220
"""Pixels of a picture."""


class TopActivationsReport(Value):
    """The top-activating images of a unit."""

    layer: str
    unit: int
    images: int
    threshold: Finite
    """The activation above which its largest 0.5 % lie."""
    top_activations: list[TopActivation]
    """The images with its largest activations, the largest first."""


@dataclass(frozen=True)
class TopActivationsResult:
    """The report, and for each of its images the pixels uint8 [h, w, 3], at most SIDE, and the region bool [h, w]."""

    report: TopActivationsReport
    pictures: list[tuple[NDArray[np.uint8], NDArray[np.bool_]]]


def top_activations(images: Iterable[InspectedImage], unit: int, count: int, limit: int) -> TopActivationsResult:
    """The `limit` images with the largest activation of a unit at the layer of their inspection; of equals the first.

    count: how many images there are. Raises TrainingError where there are none.
    """
    thresholds: ActivationThresholds | None = None
    best: list[tuple[float, int, str, NDArray[np.uint8], Tensor]] = []
    layer = ""
    for number, inspected in enumerate(images):
        maps = inspected.inspection.feature_maps
        A = maps[:, unit : unit + 1].clone()  # a view would hold its whole batch
        layer = inspected.inspection.layer
        thresholds = thresholds or ActivationThresholds(1, count * A[0, 0].numel())
        thresholds.add(A)
        candidate = (float(A.max()), -number, inspected.image.name, inspected.inspection.prepared.x, A)
        if len(best) < limit:
            heapq.heappush(best, candidate)
        elif candidate[:2] > best[0][:2]:
            heapq.heapreplace(best, candidate)
    if thresholds is None:
        raise TrainingError("there are no images to evaluate")
    threshold = float(thresholds.thresholds[0])
    ordered = sorted(best, key=lambda one: (-one[0], -one[1]))
    found = [TopActivation(image=name, activation=value) for value, _, name, *_ in ordered]
    pictures = [_with_region(resized(x, SIDE), A, threshold) for *_, x, A in ordered]
    report = TopActivationsReport(layer=layer, unit=unit, images=count, threshold=threshold, top_activations=found)
    return TopActivationsResult(report, pictures)


def _with_region(pixels: NDArray[np.uint8], A: Tensor, threshold: float) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    above = enlarge(A, (pixels.shape[0], pixels.shape[1]))[0, 0] > threshold
    return pixels, above.numpy()


def views(result: TopActivationsResult) -> list[View]:
    """The images, bright within the unit's region."""
    return [
        View(
            with_highlight(picture, region),
            f"{top.image}, bright where the unit is above its threshold: {region.mean():.1%} of it",
            f"{top.image}: {top.activation:.3g}",
            f"{top.image}: {top.activation:.3g}",
        )
        for top, (picture, region) in zip(result.report.top_activations, result.pictures, strict=True)
    ]


def picture(result: TopActivationsResult) -> NDArray[np.uint8]:
    """The pictures alone."""
    return sheet(views(result), 4)


def page(result: TopActivationsResult, source: str, model: str, notice: str) -> str:
    """One HTML file. source: the images, in words. model: its name and version."""
    report, figures = result.report, [view.figure for view in views(result)]
    explanation = (
        f"Images are bright where the unit's enlarged activation is above {report.threshold:.3g}, the threshold of its"
        f" largest {QUANTILE:.1%} over all images. What these regions have in common is what the unit may represent;"
        " network dissection measures it."
    )
    lines = (f"Model {model}", f"{report.images} images: {source}")
    title = f"Top-activating images of unit {report.unit} of layer {report.layer}"
    return document(title, lines, notice, section("Images", paragraph(explanation), row(*figures)))
