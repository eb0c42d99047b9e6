"""`fovea evaluate errors`: the most confident mistakes over labelled images, each explained from both sides."""

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
from service.cli.report_command import CountDone, Delivery, ReportForms, ReportInput, counted, run_report

if TYPE_CHECKING:
    from service.collections.reports.mistakes import Mistakes
    from service.models.classifier import Classifier

COLUMNS = ("image", "true class", "probability", "logit", "predicted", "probability", "logit")


def errors(
    folder: FolderArgument = None,
    model: ModelOption = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="How many mistakes to explain, most confident first.")] = 12,
    method: Annotated[str, typer.Option(help="The explanation method; an unknown name lists all.")] = "gradcam",
    images: ImagesOption = 400,
    marker: MarkerOption = 0.0,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: PictureOption = None,
    registry: RegistryOption = None,
) -> None:
    """Show the most confident mistakes, with maps for the true class, the predicted class, and their difference."""

    def measure(classifier: Classifier, source: ImageSource, count_done: CountDone) -> ReportForms:
        from service.collections.reports import mistakes_page
        from service.collections.reports.mistakes import mistakes
        from service.runtime.batch_inference import inspect_all

        inspected = counted(inspect_all(classifier, source.start()), count_done)
        found = mistakes(classifier, inspected, top, method)
        return ReportForms(
            json=lambda: found.report.model_dump_json(indent=2),
            show=lambda: _show(found.report),
            page=lambda *facts: mistakes_page.page(found, *facts),
            save_picture=lambda file: write_picture(mistakes_page.picture(found), file) if found.report.worst else None,
        )

    given = ReportInput(folder, model, registry, images, marker)
    run_report(given, Delivery(as_json, html, picture), "Classifying", measure)


def _show(report: Mistakes) -> None:
    print_line(f"{report.wrong} of {report.images} images are predicted to be of another class than they are")
    rows = []
    for one in report.worst:
        sides = [(side.label, f"{side.probability:.3f}", f"{side.logit:.2f}") for side in (one.truth, one.predicted)]
        rows.append((one.image, *sides[0], *sides[1]))
    if rows:
        print_table(COLUMNS, rows)
