"""`fovea evaluate bias`: where a model looks over many images, and whether what decides lies outside the anatomy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.image_source import ImageSource
from service.cli.options import (
    FolderArgument,
    HtmlOption,
    ImagesOption,
    JsonOption,
    MarkerOption,
    ModelOption,
    PictureOption,
    RegistryOption,
)
from service.cli.output import print_line, print_table, write_picture
from service.cli.report_command import CountDone, Delivery, ReportForms, ReportInput, run_report

if TYPE_CHECKING:
    from service.collections.reports.bias_report import Bias, ClassReport, OutsideShare
    from service.models.classifier import Classifier

COLOURS = {"found": "red", "not_found": "green", "cannot_say": "yellow"}
NO_OUTSIDE = (
    "There is nothing outside the anatomy to measure: the field of view fills every image, and no mask marks the"
    " anatomy. Name masks with --mask CONCEPT (files NAME.CONCEPT.mask.png beside NAME.png)."
)
COLUMNS = ("class", "predicted", "wrongly", "outside", "expected", "attention", "decisive", "95 %", "p")


def bias(
    folder: FolderArgument = None,
    model: ModelOption = None,
    images: ImagesOption = 200,
    marker: MarkerOption = 0.0,
    mask: Annotated[
        str,
        typer.Option(
            help="Masks that mark the anatomy: CONCEPT for files NAME.CONCEPT.mask.png, `truth` for NAME.mask.png."
        ),
    ] = "",
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: PictureOption = None,
    registry: RegistryOption = None,
) -> None:
    """Report where a model looks for each class, and whether what decides lies outside the anatomy.

    The verdict tests for every class whether the places outside the field of view (and outside a mask) distinguish
    images more than their share of the area would. The exit code is 0 whatever the verdict.
    """

    def measure(classifier: Classifier, source: ImageSource, count_done: CountDone) -> ReportForms:
        from service.collections.reports import bias_page
        from service.collections.reports.bias import bias as report_on
        from service.collections.reports.collected_evidence import collect_evidence
        from service.runtime.batch_inference import inspect_all

        gathered = collect_evidence(classifier, inspect_all(classifier, source.start()), mask, count_done)
        report = report_on(gathered.evidence)
        return ReportForms(
            json=lambda: report.model_dump_json(indent=2),
            show=lambda: show(report),
            page=lambda source, model, notice: bias_page.page(report, source, model, notice, gathered.backgrounds),
            save_picture=lambda file: write_picture(bias_page.picture(report, gathered.backgrounds), file),
        )

    given = ReportInput(folder, model, registry, images, marker)
    run_report(given, Delivery(as_json, html, picture), "Computing maps", measure)


def show(report: Bias) -> None:
    """Print a report."""
    print_line(f"{report.verdict.replace('_', ' ')}: {report.reason}.", COLOURS[report.verdict])
    rows = [_row(one, outside) for one in report.classes for outside in one.outside]
    if rows:
        print_table(COLUMNS, rows)
    else:
        print_line(NO_OUTSIDE)
    between, wrong = len(report.between_classes), len(report.between_outcomes)
    print_line(f"cells that differ: {between} between classes, {wrong} between right and wrong answers")


def _row(one: ClassReport, outside: OutsideShare) -> tuple[str, ...]:
    decisive = outside.decisive
    tested = (
        ("not tested", "", "")
        if decisive is None
        else (f"{decisive.share:.1%}", f"{decisive.low:.1%} to {decisive.high:.1%}", f"{decisive.p:.2g}")
    )
    attention = "" if outside.attention is None else f"{outside.attention:.1%}"
    return (
        one.label,
        str(one.predicted),
        str(one.wrong),
        outside.region,
        f"{outside.expected:.1%}",
        attention,
        *tested,
    )
