"""A dissection as a page: concepts with their detectors, and the best units with their top-activating images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.dissection import TopRegions
from service.collections.reports.dissection_report import INTERPRETATION, Dissection, Unit
from service.collections.reports.html_page import View, document, paragraph, row, section, sheet, table, tag
from service.images.rendering import with_highlight

MAX_UNITS = 24
"""Units on the page; the JSON has them all."""

MAX_UNITS_PER_CONCEPT = 4
"""So that the most frequent concept does not fill the page."""


def page(report: Dissection, regions: TopRegions, source: str, model: str, notice: str) -> str:
    """One HTML file. regions: of each unit. source: the images, in words. model: its name and version."""
    lines = (f"Model {model}, layer {report.layer}", f"{report.images} images: {source}")
    detected = [concept.name for concept in report.concepts if concept.detectors]
    summary = (
        f"{report.detectors} of {len(report.units)} units detect a concept: their largest activations overlap its masks"
        f" with an IoU above {report.iou_threshold:g}. {len(detected)} of {len(report.concepts)} concepts have a"
        " detector."
    )
    rows = [
        (c.name, str(c.detectors), f"{c.best_iou:.3f}", str(c.best_unit), f"{c.ceiling:.3f}", f"{c.area:.2%}")
        for c in report.concepts
    ]
    columns = ("concept", "detectors", "best IoU", "best unit", "ceiling", "area")
    units = (
        section(f"Unit {unit.unit}: {_describe(unit)}", row(*(view.figure for view in views(unit, regions))))
        for unit in best_units(report)
    )
    return document(
        "Network dissection",
        lines,
        notice,
        section("Concepts", paragraph(summary), table("All concepts with masks", columns, rows)),
        tag("div", *units, class_="pairs"),
        section("How to interpret these figures", tag("ul", *(tag("li", sentence) for sentence in INTERPRETATION))),
    )


def best_units(report: Dissection, limit: int = MAX_UNITS, per_concept: int = MAX_UNITS_PER_CONCEPT) -> list[Unit]:
    """The units with the highest IoU, a few of every concept."""
    counts: dict[str, int] = {}
    chosen: list[Unit] = []
    for unit in report.units:
        counts[unit.concept] = counts.get(unit.concept, 0) + 1
        if counts[unit.concept] <= per_concept and len(chosen) < limit:
            chosen.append(unit)
    return chosen


def _describe(unit: Unit) -> str:
    return f"{unit.concept}, IoU {unit.iou:.3f}{'' if unit.detector else ', not a detector'}"


def views(unit: Unit, regions: TopRegions) -> list[View]:
    """The top-activating images of a unit, bright within its region."""
    shown = []
    for image, top in zip(unit.top_activations, regions[unit.unit], strict=True):
        alt = f"{image.image}, bright where unit {unit.unit} is above its threshold: {top.region.mean():.1%} of it"
        title = f"{unit.unit} {unit.concept} {unit.iou:.2f}"
        shown.append(
            View(with_highlight(top.picture, top.region), alt, f"{image.image}: {image.activation:.3g}", title)
        )
    return shown


def picture(report: Dissection, regions: TopRegions, units: int = 8) -> NDArray[np.uint8]:
    """The pictures of the best units alone, one row per unit."""
    rows = [views(unit, regions) for unit in best_units(report, units, per_concept=2)]
    return sheet([view for views_of_row in rows for view in views_of_row], len(rows[0]))
