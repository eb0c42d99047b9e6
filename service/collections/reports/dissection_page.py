"""A dissection as a page: detectors by concept, and the best units with the images that excite them most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.dissection import TopRegions
from service.collections.reports.dissection_report import MEANING, Dissection, Unit
from service.collections.reports.html_page import View, document, paragraph, row, section, sheet, table, tag
from service.images.tint import lit

SHOWN = 24
"""Units on the page; the JSON has them all."""

EACH = 4
"""Of one concept, so that the commonest does not fill the page."""


def page(report: Dissection, thrills: TopRegions, source: str, model: str, notice: str) -> str:
    """One HTML file. thrills: of each unit. source: what was looked at. model: which, with its version."""
    lines = (f"Model {model}, layer {report.layer}", f"{report.images} images: {source}")
    found = [name for name in report.concepts if name.detectors]
    told = (
        f"{report.detectors} of {len(report.units)} units detect a concept: their largest activations overlap its masks"
        f" by more than {report.detects_above:.0%}. {len(found)} of {len(report.concepts)} concepts have a detector."
    )
    rows = [
        (c.name, str(c.detectors), f"{c.best_iou:.3f}", str(c.best_unit), f"{c.ceiling:.3f}", f"{c.area:.2%}")
        for c in report.concepts
    ]
    columns = ("concept", "detectors", "best IoU", "of unit", "ceiling", "area")
    return document(
        "What do single units stand for?",
        lines,
        notice,
        section("Concepts", paragraph(told), table("Every concept that masks mark", columns, rows)),
        tag(
            "div",
            *(
                section(f"Unit {one.unit}: {_of(one)}", row(*(view.figure for view in views(one, thrills))))
                for one in best(report)
            ),
            class_="pairs",
        ),
        section("What these figures can and cannot show", tag("ul", *(tag("li", one) for one in MEANING))),
    )


def best(report: Dissection, most: int = SHOWN, each: int = EACH) -> list[Unit]:
    """The units with the highest IoU, a few of every concept."""
    taken: dict[str, int] = {}
    chosen: list[Unit] = []
    for one in report.units:
        taken[one.concept] = taken.get(one.concept, 0) + 1
        if taken[one.concept] <= each and len(chosen) < most:
            chosen.append(one)
    return chosen


def _of(one: Unit) -> str:
    return f"{one.concept}, IoU {one.iou:.3f}{'' if one.detector else ', too little for a detector'}"


def views(one: Unit, thrills: TopRegions) -> list[View]:
    """The images that excite a unit most, lit where it fires."""
    shown = []
    for peak, thrill in zip(one.exciting, thrills[one.unit], strict=True):
        alt = f"{peak.image}, lit where unit {one.unit} is above its threshold: {thrill.region.mean():.1%} of it"
        title = f"{one.unit} {one.concept} {one.iou:.2f}"
        shown.append(View(lit(thrill.picture, thrill.region), alt, f"{peak.image}: {peak.activation:.3g}", title))
    return shown


def picture(report: Dissection, thrills: TopRegions, units: int = 8) -> NDArray[np.uint8]:
    """The pictures of the best units alone, a row a unit."""
    shown = [views(one, thrills) for one in best(report, units, each=2)]
    return sheet([view for row_of_views in shown for view in row_of_views], len(shown[0]))
