"""`fovea evaluate dissection`: which single units of a layer detect a concept that masks mark."""

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
from service.cli.output import print_line, print_table, write_picture
from service.cli.report_command import CountDone, Delivery, ReportForms, ReportInput, run_report
from service.errors import TrainingError

if TYPE_CHECKING:
    from service.collections.reports.dissection_report import Dissection
    from service.models.classifier import Classifier

CONCEPTS = ("concept", "detectors", "best IoU", "of unit", "ceiling", "area")
UNITS = ("unit", "concept", "IoU", "detector", "top-activating image")


def dissection(
    folder: FolderArgument = None,
    model: ModelOption = None,
    layer: SpatialLayerOption = None,
    images: ImagesOption = 200,
    units: Annotated[int, typer.Option(min=1, help="How many units to print.")] = 15,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: PictureOption = None,
    registry: RegistryOption = None,
) -> None:
    """Compare every unit of a layer with masks of concepts, as in Network Dissection (Bau 2017).

    Masks lie beside their image as NAME.CONCEPT.mask.png; generated images bring theirs (disc, cup, vessels, drusen
    and others).
    """
    from service.training.labelled_images import has_masks

    if folder is not None and not has_masks(folder):
        raise TrainingError(
            f"no image of {folder} has a mask: put NAME.CONCEPT.mask.png, white where the concept is, beside NAME.png"
        )

    def measure(classifier: Classifier, source: ImageSource, count_done: CountDone) -> ReportForms:
        from service.collections.reports import dissection_page
        from service.collections.reports.dissection import dissect

        report, regions = dissect(classifier, source.start, source.count, layer or "", count_done)
        return ReportForms(
            json=lambda: report.model_dump_json(indent=2),
            show=lambda: _show(report, units),
            page=lambda *facts: dissection_page.page(report, regions, *facts),
            save_picture=lambda file: write_picture(dissection_page.picture(report, regions), file),
        )

    given = ReportInput(folder, model, registry, images)
    run_report(given, Delivery(as_json, html, picture), "Dissecting, two passes", measure, passes=2)


def _show(report: Dissection, units: int) -> None:
    from service.collections.reports.dissection_page import best_units

    print_line(
        f"{report.detectors} of {len(report.units)} units of {report.layer} detect a concept"
        f" (IoU above {report.iou_threshold:g}) over {report.images} images"
    )
    concepts = [
        (c.name, str(c.detectors), f"{c.best_iou:.3f}", str(c.best_unit), f"{c.ceiling:.3f}", f"{c.area:.2%}")
        for c in report.concepts
    ]
    print_table(CONCEPTS, concepts)
    rows = [
        (str(one.unit), one.concept, f"{one.iou:.3f}", "yes" if one.detector else "", one.top_activations[0].image)
        for one in best_units(report, units)
    ]
    print_table(UNITS, rows)
