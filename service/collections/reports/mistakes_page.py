"""The most confident mistakes as a page: maps of the true class, of the predicted class, and of their difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.html_page import Html, View, document, paragraph, row, section, sheet, table
from service.collections.reports.mistakes import ClassEvidence, Mistake, MistakesResult
from service.images.rendering import resized, with_heatmap, with_signed_map

SIDE = 220
"""Pixels of a picture."""


def page(result: MistakesResult, source: str, model: str, notice: str) -> str:
    """One HTML file. source: the images, in words. model: its name and version."""
    report = result.report
    accuracy = 1 - report.wrong / report.images
    lines = (f"Model {model}", f"{report.images} labelled images: {source}; accuracy {accuracy:.1%}")
    rows = [(pair, str(count)) for pair, count in report.confusions.items()]
    confusions = table("All confusions", ("truth → predicted", "images"), rows)
    summary = paragraph(
        f"{report.wrong} mistakes" + (f"; the {len(report.worst)} most confident are below." if report.worst else ".")
    )
    explanation = (
        f"Maps are {report.method} at layer {report.layer}. Both maps of an image share one scale, with full colour at"
        " the larger maximum, so that they can be compared. In the contrast, orange supports the prediction, blue the"
        " truth. A label may be wrong too: check the label of a confident mistake."
    )
    return document(
        "Mistakes",
        lines,
        notice,
        section("Confusions", summary, *([confusions, paragraph(explanation)] if report.worst else [])),
        *(_mistake(*one) for one in zip(report.worst, result.pictures, strict=True)),
    )


def picture(result: MistakesResult) -> NDArray[np.uint8]:
    """The pictures alone, one row per mistake."""
    shown = [view for pair in zip(result.report.worst, result.pictures, strict=True) for view in views(*pair)]
    return sheet(shown, 4)


def _mistake(mistake: Mistake, pixels: NDArray[np.uint8]) -> Html:
    heading = f"{mistake.image}: {mistake.truth.label}, predicted as {mistake.predicted.label}"
    return section(heading, row(*(view.figure for view in views(mistake, pixels))))


def views(mistake: Mistake, pixels: NDArray[np.uint8]) -> list[View]:
    """The image, the maps of the predicted and of the true class, and the map of their difference."""
    small = resized(pixels, SIDE)
    truth, predicted = mistake.truth, mistake.predicted
    true_map, predicted_map, contrast = (
        np.asarray(grid, np.float32) for grid in (truth.map, predicted.map, mistake.contrast)
    )
    maximum = float(max(true_map.max(), predicted_map.max()))
    difference = predicted.logit - truth.logit
    return [
        View(small, f"{mistake.image} as the model saw it", "As the model saw it", mistake.image),
        View(
            with_heatmap(small, predicted_map, maximum),
            _alt("predicted", predicted, predicted_map),
            f"Predicted: {_describe(predicted)}",
            _title("predicted", predicted),
        ),
        View(
            with_heatmap(small, true_map, maximum),
            _alt("true", truth, true_map),
            f"Truth: {_describe(truth)}",
            _title("truth", truth),
        ),
        View(
            with_signed_map(small, contrast, float(np.abs(contrast).max())),
            f"The contrast: orange supports {predicted.label}, blue {truth.label}",
            f"{predicted.label} compared with {truth.label}: difference of logits {difference:+.2f}",
            f"predicted − truth: {difference:+.2f}",
        ),
    ]


def _describe(evidence: ClassEvidence) -> str:
    return f"{evidence.label} {evidence.probability:.1%}, logit {evidence.logit:.2f}"


def _title(word: str, evidence: ClassEvidence) -> str:
    return f"{word}: {evidence.label} {evidence.logit:.2f}"


def _alt(word: str, evidence: ClassEvidence, values: NDArray[np.float32]) -> str:
    if values.max() <= 0:
        return f"The map of the {word} class {evidence.label} has nothing positive"
    at, column = divmod(int(values.argmax()), values.shape[1])
    return f"The map of the {word} class {evidence.label}, maximum in row {at + 1}, column {column + 1} of the grid"
