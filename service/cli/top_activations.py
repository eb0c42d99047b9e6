"""`fovea evaluate top-activations`: the images that activate one unit most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.image_source import ImageSource
from service.cli.options import (
    FolderArgument,
    HtmlOption,
    ImagesOption,
    JsonOption,
    ModelOption,
    PictureOption,
    RegistryOption,
    SpatialLayerOption,
)
from service.cli.output import print_table, write_picture
from service.cli.report_command import CountDone, Delivery, ReportForms, ReportInput, counted, run_report

if TYPE_CHECKING:
    from service.models.classifier import Classifier


def top_activations(
    folder: FolderArgument = None,
    unit: Annotated[int, typer.Option(min=0, help="The unit, counted from 0.")] = 0,
    model: ModelOption = None,
    layer: SpatialLayerOption = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="How many images.")] = 8,
    images: ImagesOption = 200,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: PictureOption = None,
    registry: RegistryOption = None,
) -> None:
    """Find the images that activate a unit of a layer most, and show where in them."""

    def measure(classifier: Classifier, source: ImageSource, count_done: CountDone) -> ReportForms:
        from service.collections.reports import top_activations as reports
        from service.runtime.activations import check
        from service.runtime.batch_inference import inspect_all
        from service.runtime.question import UnitRequest

        cut = layer or classifier.cut
        check(classifier, cut, UnitRequest((unit,)))
        inspected = counted(inspect_all(classifier, source.start(), layer=cut), count_done)
        found = reports.top_activations(inspected, unit, source.count, top)
        rows = [(one.image, f"{one.activation:.4g}") for one in found.report.top_activations]
        return ReportForms(
            json=lambda: found.report.model_dump_json(indent=2),
            show=lambda: print_table(
                ("image", "largest activation"), rows, f"unit {unit} of {cut}, over {source.count} images"
            ),
            page=lambda *facts: reports.page(found, *facts),
            save_picture=lambda file: write_picture(reports.picture(found), file),
        )

    given = ReportInput(folder, model, registry, images)
    run_report(given, Delivery(as_json, html, picture), "Computing activations", measure)
