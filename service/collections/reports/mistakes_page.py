"""The worst mistakes as a page: what speaks for each image's own class, for the one that was said, and which wins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.html_page import Html, View, document, paragraph, row, section, sheet, table
from service.collections.reports.mistakes import Found, Mistake, Side
from service.images.tint import heated, opposed, resized

SIDE = 220
"""Pixels of a picture."""


def page(found: Found, source: str, model: str, notice: str) -> str:
    """One HTML file. source: what was looked at, in words. model: which, with its version."""
    report = found.report
    right = 1 - report.wrong / report.images
    lines = (f"Model {model}", f"{report.images} labelled images: {source}; {right:.1%} were called what they are")
    pairs = table("Every confusion", ("truth → said", "images"), [(k, str(v)) for k, v in report.confused.items()])
    summary = paragraph(
        f"{report.wrong} mistakes" + (f", the {len(report.worst)} most confident below." if report.worst else ".")
    )
    how = (
        f"Maps are {report.method} at layer {report.layer}. Both maps of an image share one scale, full heat at the"
        " larger maximum, so that they compare. In the contrast, orange speaks for what was said rather than the truth,"
        " blue for the truth. A label may be wrong too: a confident mistake is worth a look at the label."
    )
    return document(
        "Where did it go wrong?",
        lines,
        notice,
        section("Mistakes", summary, *([pairs, paragraph(how)] if report.worst else [])),
        *(_mistake(*one) for one in zip(report.worst, found.pictures, strict=True)),
    )


def picture(found: Found) -> NDArray[np.uint8]:
    """The pictures alone, a row a mistake."""
    shown = [view for pair in zip(found.report.worst, found.pictures, strict=True) for view in views(*pair)]
    return sheet(shown, 4)


def _mistake(one: Mistake, seen: NDArray[np.uint8]) -> Html:
    heading = f"{one.image}: {one.truth.label}, called {one.said.label}"
    return section(heading, row(*(view.figure for view in views(one, seen))))


def views(one: Mistake, seen: NDArray[np.uint8]) -> list[View]:
    """The image, what speaks for the class that was said and for the true one, and which of both speaks where."""
    small = resized(seen, SIDE)
    truth, said, contrast = (np.asarray(g, np.float32) for g in (one.truth.map, one.said.map, one.contrast))
    most = float(max(truth.max(), said.max()))
    apart = one.said.logit - one.truth.logit
    return [
        View(small, f"{one.image} as the model saw it", "As the model saw it", one.image),
        View(
            heated(small, said, most),
            _alt("said", one.said, said),
            f"Said: {_told(one.said)}",
            _title("said", one.said),
        ),
        View(
            heated(small, truth, most),
            _alt("true", one.truth, truth),
            f"Truth: {_told(one.truth)}",
            _title("truth", one.truth),
        ),
        View(
            opposed(small, contrast, float(np.abs(contrast).max())),
            f"The contrast: orange speaks for {one.said.label}, blue for {one.truth.label}",
            f"{one.said.label} rather than {one.truth.label}: logits {apart:+.2f}",
            f"said less truth: {apart:+.2f}",
        ),
    ]


def _told(side: Side) -> str:
    return f"{side.label} {side.probability:.1%}, logit {side.logit:.2f}"


def _title(word: str, side: Side) -> str:
    return f"{word}: {side.label} {side.logit:.2f}"


def _alt(word: str, side: Side, values: NDArray[np.float32]) -> str:
    if values.max() <= 0:
        return f"The map of the {word} class {side.label} has nothing positive"
    at, column = divmod(int(values.argmax()), values.shape[1])
    return f"The map of the {word} class {side.label}, strongest in row {at + 1}, column {column + 1} of the grid"
