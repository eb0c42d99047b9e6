"""The bias report as a page: the verdict, mean maps over the mean image, and the tables behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.bias_report import Bias, ClassReport, Difference
from service.collections.reports.html_page import Html, View, document, paragraph, row, section, sheet, table, tag
from service.images.picture import upsample
from service.images.rendering import resized, with_heatmap

SIDE = 240
"""Pixels of a picture."""

MAX_ROWS = 12
"""Of a table or list of findings; the JSON has them all."""

VERDICTS = {
    "found": "Found: positions outside the anatomy decide answers",
    "not_found": "Not found: no sign that positions outside the anatomy decide answers",
    "cannot_say": "No verdict is possible",
}

Pixels = NDArray[np.uint8]


def page(report: Bias, source: str, model: str, notice: str, backgrounds: Mapping[str, Pixels]) -> str:
    """One HTML file. source: the images, in words. model: its name and version.

    backgrounds: the mean image uint8 [s, s, 3] of the images with each prediction, as far as there are any.
    """
    accuracy = "" if report.accuracy is None else f", accuracy {report.accuracy:.1%}"
    lines = (f"Model {model}", f"{report.images} images: {source}{accuracy}")
    return document("Bias report", lines, notice, *_sections(report, backgrounds))


def picture(report: Bias, backgrounds: Mapping[str, Pixels]) -> Pixels:
    """The page's pictures alone, one row per class."""
    rows = [
        views(report, class_report, backgrounds.get(class_report.label))
        for class_report in report.classes
        if class_report.predicted
    ]
    return sheet([view for views_of_row in rows for view in views_of_row], max(map(len, rows)))


def _sections(report: Bias, backgrounds: Mapping[str, Pixels]) -> list[Html]:
    reason = tag("p", tag("strong", VERDICTS[report.verdict]), report.reason[:1].upper() + report.reason[1:] + ".")
    verdict = tag("div", reason, class_=f"verdict {report.verdict.replace('_', '-')}", role="status")
    classes = [
        _class_section(report, class_report, backgrounds.get(class_report.label))
        for class_report in report.classes
        if class_report.predicted
    ]
    untested = [tag("p", "Not compared: ", "; ".join(report.untested), ".")] if report.untested else []
    between_classes = _differences(
        "Cells where attention differs from all other answers", report.between_classes, "more in this class", "less"
    )
    between_outcomes = _differences(
        "Cells where attention differs between wrong and right answers",
        report.between_outcomes,
        "more in wrong answers",
        "less",
    )
    interpretation = tag("ul", *(tag("li", sentence) for sentence in report.interpretation))
    return [
        verdict,
        section("Shares outside the anatomy", _shares(report)),
        section("Hotspots", _hotspots(report)),
        *classes,
        section("Region by region", between_classes, between_outcomes, *untested, paragraph(_levels(report))),
        section("How to interpret these figures", interpretation),
    ]


def _levels(report: Bias) -> str:
    return (
        f"In each family of tests (verdict, classes, outcomes) the chance of one false finding or more is at most"
        f" {report.alpha:.0%}. Effect is Cliff's delta, −1 to 1: 0 is no difference, 0.33 a moderate and 0.47 a large"
        " one."
    )


def _shares(report: Bias) -> Html:
    rows = [
        (
            class_report.label,
            outside.region,
            f"{outside.expected:.1%}",
            "none" if outside.attention is None else f"{outside.attention:.1%}",
            *(
                ("not tested", "", "")
                if outside.decisive is None
                else (
                    f"{outside.decisive.share:.1%}",
                    f"{outside.decisive.low:.1%} to {outside.decisive.high:.1%}",
                    f"{outside.decisive.p:.2g}",
                )
            ),
        )
        for class_report in report.classes
        for outside in class_report.outside
    ]
    columns = ("class", "outside", "expected share", "attention", "decisive", "95 % interval", "adjusted p")
    return table("The expected share is what evenly distributed attention would have outside", columns, rows)


def _hotspots(report: Bias) -> Html:
    if not report.hotspots:
        return paragraph("No single cell outside the anatomy has more than twice its expected share.")
    lines = (
        f"{spot.label}: {_cell(spot.position, spot.row, spot.column)} has {spot.ratio:.1f} times its expected share,"
        f" adjusted p {spot.p:.2g}"
        for spot in report.hotspots[:MAX_ROWS]
    )
    return tag("ul", *(tag("li", line) for line in lines))


def views(report: Bias, class_report: ClassReport, background: Pixels | None) -> list[View]:
    """The mean image of one class, and over it attention and decisive shares."""
    picture = _mean_anatomy(report) if background is None else resized(background, SIDE)
    first = "Mean image" if background is not None else "Mean field of view"
    count = class_report.predicted
    shown = [
        View(
            picture,
            f"{first} of the images predicted as {class_report.label}",
            f"{first} of the {count} images with this prediction",
            f"predicted {class_report.label}: {count}",
        )
    ]
    cells = report.shape[0] * report.shape[1]
    for values, title, meaning in (
        (class_report.attention, "Attention", "where the evidence lies on average"),
        (class_report.decisive, "Decisive", "what the scores of images differ by"),
    ):
        if values is None:
            continue
        shares = np.asarray(values, np.float32)
        maximum = float(shares.max())
        ratio = f"{cells * maximum:.1f} times the expected share"
        alt = f"{title} for {class_report.label}: {meaning}, over the mean image; maximum in {_maximum_cell(shares)}"
        caption = f"{title}: {meaning}. Full colour is {ratio}"
        shown.append(View(with_heatmap(picture, shares, maximum), alt, caption, f"{title.lower()}, up to {ratio}"))
    return shown


def _class_section(report: Bias, class_report: ClassReport, background: Pixels | None) -> Html:
    pictures = row(*(view.figure for view in views(report, class_report, background)))
    empty = f" {class_report.empty} maps have nothing positive." if class_report.empty else ""
    return section(
        f"Predicted as {class_report.label}",
        paragraph(f"{class_report.predicted} images, {class_report.wrong} of them wrong.{empty}"),
        pictures,
    )


def _maximum_cell(shares: NDArray[np.float32]) -> str:
    at, column = divmod(int(shares.argmax()), shares.shape[1])
    return f"row {at + 1} of {shares.shape[0]}, column {column + 1} of {shares.shape[1]}"


def _mean_anatomy(report: Bias) -> Pixels:
    """The mean anatomy in grey, where there is no image to show."""
    grey = 255 * upsample(np.asarray(report.anatomy, np.float32), (SIDE, SIDE))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, 2)


def _differences(caption: str, found: Sequence[Difference], more: str, less: str) -> Html:
    if not found:
        return paragraph(f"{caption}: none found.")
    rows = [
        (
            difference.label,
            _cell(difference.position, difference.row, difference.column),
            "outside" if difference.outside else "inside",
            more if difference.effect > 0 else less,
            f"{difference.effect:+.2f}",
            f"{difference.p:.2g}",
        )
        for difference in found[:MAX_ROWS]
    ]
    return table(caption + _count(len(found)), ("class", "cell", "anatomy", "attention", "effect", "adjusted p"), rows)


def _cell(position: str, at: int, column: int) -> str:
    return f"{position} (row {at + 1}, column {column + 1})"


def _count(total: int) -> str:
    return f", the strongest {MAX_ROWS} of {total}" if total > MAX_ROWS else f", {total} in all"
