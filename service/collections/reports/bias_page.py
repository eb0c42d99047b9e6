"""The bias report as a page: what was found, the mean maps over the mean image, and the tables behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.bias_report import Bias, ClassReport, Difference
from service.collections.reports.html_page import Html, View, document, paragraph, row, section, sheet, table, tag
from service.images.picture import upsample
from service.images.tint import heated, resized

SIDE = 240
"""Pixels of a picture."""

MOST_ROWS = 12
"""Of a table of differences; the JSON has them all."""

VERDICTS = {
    "found": "Found: what decides lies outside the anatomy",
    "not_found": "Not found: no sign that what decides lies outside the anatomy",
    "cannot_say": "Nothing can be said",
}

Pixels = NDArray[np.uint8]


def page(report: Bias, source: str, model: str, notice: str, backgrounds: Mapping[str, Pixels]) -> str:
    """One HTML file. source: what was looked at, in words. model: which, with its version.

    backgrounds: the mean image uint8 [s, s, 3] of the images called each class, as far as there are any.
    """
    right = "" if report.right is None else f", of which {report.right:.1%} were called what they are"
    lines = (f"Model {model}", f"{report.images} images: {source}{right}")
    return document("Where does the model look?", lines, notice, *_parts(report, backgrounds))


def picture(report: Bias, backgrounds: Mapping[str, Pixels]) -> Pixels:
    """The page's pictures alone, a row a class."""
    shown = [
        views(report, class_report, backgrounds.get(class_report.label))
        for class_report in report.classes
        if class_report.said
    ]
    return sheet([view for row_of_views in shown for view in row_of_views], max(map(len, shown)))


def _parts(report: Bias, backgrounds: Mapping[str, Pixels]) -> list[Html]:
    words = tag("p", tag("strong", VERDICTS[report.verdict]), report.reason[:1].upper() + report.reason[1:] + ".")
    verdict = tag("div", words, class_=f"verdict {report.verdict.replace('_', '-')}", role="status")
    classes = [
        _class(report, class_report, backgrounds.get(class_report.label))
        for class_report in report.classes
        if class_report.said
    ]
    untested = [tag("p", "Not compared: ", "; ".join(report.untested), ".")] if report.untested else []
    between = _differences(
        "Cells where attention differs from all other answers", report.between, "More in this class", "Less"
    )
    wrong = _differences(
        "Cells where wrong answers look elsewhere than right ones", report.wrong, "More in wrong answers", "Less"
    )
    explained = tag("ul", *(tag("li", one) for one in report.meaning))
    return [
        verdict,
        section("Shares outside the anatomy", _shares(report)),
        *classes,
        section("Region by region", between, wrong, *untested, paragraph(_levels(report))),
        section("What these figures can and cannot show", explained),
    ]


def _levels(report: Bias) -> str:
    return (
        f"Each family of tests (the verdict, the classes, the wrong answers) makes one false finding or more with a"
        f" chance of at most {report.alpha:.0%}. Effect is Cliff's delta, −1 to 1: 0 is no difference, 0.33 a moderate"
        " and 0.47 a large one."
    )


def _shares(report: Bias) -> Html:
    rows = [
        (
            class_report.label,
            one.place,
            f"{one.even:.1%}",
            "none" if one.attention is None else f"{one.attention:.1%}",
            *(
                ("not tested", "", "")
                if one.decisive is None
                else (
                    f"{one.decisive.share:.1%}",
                    f"{one.decisive.low:.1%} to {one.decisive.high:.1%}",
                    f"{one.decisive.p:.2g}",
                )
            ),
        )
        for class_report in report.classes
        for one in class_report.outside
    ]
    columns = ("class", "outside", "even share", "attention", "decisive", "95 % interval", "adjusted p")
    return table("Even share is what spreading evenly over the picture would put outside", columns, rows)


def views(report: Bias, class_report: ClassReport, background: Pixels | None) -> list[View]:
    """The mean image of one class, and over it where attention lay and what decides."""
    picture = _ground(report) if background is None else resized(background, SIDE)
    first = "The mean image" if background is not None else "The mean field of view"
    alt = f"{first} of what was called {class_report.label}"
    shown = [
        View(
            picture,
            alt,
            f"{first} of the {class_report.said} called so",
            f"called {class_report.label}: {class_report.said}",
        )
    ]
    size = report.shape[0] * report.shape[1]
    for values, title, words in (
        (class_report.attention, "Attention", "where the evidence lay on average"),
        (class_report.decisive, "Decisive", "what tells images apart"),
    ):
        if values is None:
            continue
        shares = np.asarray(values, np.float32)
        most = float(shares.max())
        alt = f"{title} of {class_report.label}: {words}, over the mean image; most in {_peak(shares)}"
        told = f"{title}: {words}. Full heat is {size * most:.1f} times an even share"
        shown.append(
            View(heated(picture, shares, most), alt, told, f"{title.lower()}, up to {size * most:.1f} times even")
        )
    return shown


def _class(report: Bias, class_report: ClassReport, background: Pixels | None) -> Html:
    shown = row(*(view.figure for view in views(report, class_report, background)))
    empty = f" {class_report.empty} maps had nothing positive." if class_report.empty else ""
    return section(
        f"Called {class_report.label}",
        paragraph(f"{class_report.said} images, {class_report.wrong} wrongly.{empty}"),
        shown,
    )


def _peak(shares: NDArray[np.float32]) -> str:
    at, column = divmod(int(shares.argmax()), shares.shape[1])
    return f"row {at + 1} of {shares.shape[0]}, column {column + 1} of {shares.shape[1]}"


def _ground(report: Bias) -> Pixels:
    """The mean anatomy in grey, where there is no image to show."""
    grey = 255 * upsample(np.asarray(report.anatomy, np.float32), SIDE)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, 2)


def _differences(caption: str, found: Sequence[Difference], more: str, less: str) -> Html:
    if not found:
        return paragraph(f"{caption}: none found.")
    rows = [
        (
            one.label,
            f"{one.where} (row {one.row + 1}, column {one.column + 1})",
            "outside" if one.outside else "inside",
            more if one.effect > 0 else less,
            f"{one.effect:+.2f}",
            f"{one.p:.2g}",
        )
        for one in found[:MOST_ROWS]
    ]
    shown = f", the strongest {MOST_ROWS} of {len(found)}" if len(found) > MOST_ROWS else f", {len(found)} in all"
    return table(caption + shown, ("class", "cell", "anatomy", "attention", "effect", "adjusted p"), rows)
