"""The images of a set that excite one unit most, and where in them it fires."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from service.collections.reports.dissection import QUANTILE, ActivationThresholds, enlarged
from service.collections.reports.dissection_report import TopActivation
from service.collections.reports.html_page import View, document, paragraph, row, section, sheet
from service.collections.reports.value import Finite, Value
from service.errors import TrainingError
from service.explain.tokens import spatial
from service.images.tint import lit, resized
from service.runtime.batch_inference import InspectedImage

SIDE = 220
"""Pixels of a picture."""


class TopActivationsReport(Value):
    """What excites a unit."""

    layer: str
    unit: int
    images: int
    threshold: Finite
    """The activation above which its largest 0.5 % lie."""
    peaks: list[TopActivation]
    """The images that excite it most, the first one most."""


@dataclass(frozen=True)
class TopActivationsResult:
    """The report, and for each of its peaks the image uint8 [SIDE, SIDE, 3] and where the unit is above, bool alike."""

    report: TopActivationsReport
    pictures: list[tuple[NDArray[np.uint8], NDArray[np.bool_]]]


def top_activations(images: Iterable[InspectedImage], unit: int, count: int, most: int) -> TopActivationsResult:
    """The `most` images with the largest activation of a unit at the layer they were looked at; of equals the first.

    count: how many images there are. Raises TrainingError where there are none.
    """
    peaks: ActivationThresholds | None = None
    best: list[tuple[float, int, str, NDArray[np.uint8], Tensor]] = []
    layer = ""
    for number, seen in enumerate(images):
        A = spatial(seen.inspection.A, nn.Identity())[0][
            :, unit : unit + 1
        ].clone()  # a view would hold its whole batch
        layer = seen.inspection.layer
        peaks = peaks or ActivationThresholds(1, count * A[0, 0].numel())
        peaks.add(A)
        one = (float(A.max()), -number, seen.image.name, seen.inspection.prepared.x, A)
        if len(best) < most:
            heapq.heappush(best, one)
        elif one[:2] > best[0][:2]:
            heapq.heapreplace(best, one)
    if peaks is None:
        raise TrainingError("there are no images to look at")
    threshold = float(peaks.thresholds[0])
    ordered = sorted(best, key=lambda one: (-one[0], -one[1]))
    told = [TopActivation(image=name, activation=value) for value, _, name, *_ in ordered]
    pictures = [(resized(x, SIDE), (enlarged(A, SIDE)[0, 0] > threshold).numpy()) for *_, x, A in ordered]
    return TopActivationsResult(
        TopActivationsReport(layer=layer, unit=unit, images=count, threshold=threshold, peaks=told), pictures
    )


def views(found: TopActivationsResult) -> list[View]:
    """The images, lit where the unit fires."""
    return [
        View(
            lit(picture, region),
            f"{peak.image}, lit where the unit is above its threshold: {region.mean():.1%} of it",
            f"{peak.image}: {peak.activation:.3g}",
            f"{peak.image}: {peak.activation:.3g}",
        )
        for peak, (picture, region) in zip(found.report.peaks, found.pictures, strict=True)
    ]


def picture(found: TopActivationsResult) -> NDArray[np.uint8]:
    """The pictures alone."""
    return sheet(views(found), 4)


def page(found: TopActivationsResult, source: str, model: str, notice: str) -> str:
    """One HTML file. source: what was looked at, in words. model: which, with its version."""
    report, shown = found.report, [view.figure for view in views(found)]
    how = (
        f"Lit is where the unit's activation, enlarged, is above {report.threshold:.3g}: its largest {QUANTILE:.1%}"
        " over all images. What these regions have in common is what the unit may stand for; dissection measures it."
    )
    lines = (f"Model {model}", f"{report.images} images: {source}")
    title = f"What excites unit {report.unit} of {report.layer}?"
    return document(title, lines, notice, section("Most exciting images", paragraph(how), row(*shown)))
