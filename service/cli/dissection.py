"""`fovea evaluate dissection`: which single units of a layer stand for something that people have a word for."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.cli.evaluation_options import (
    GENERATED,
    DataArgument,
    HtmlOption,
    ImagesOption,
    JsonOption,
    ModelOption,
    PictureOption,
    RegistryOption,
    draw,
    error_exit,
    image_source,
    load_model,
    progress,
    table_console,
    write,
)
from service.collections.reports.dissection_report import Dissection


def dissection(
    data: DataArgument = GENERATED,
    model: ModelOption = None,
    layer: Annotated[
        str | None, typer.Option(help="A layer with maps; the default one if left out. `fovea models show` names them.")
    ] = None,
    images: ImagesOption = 200,
    units: Annotated[int, typer.Option(min=1, help="How many units to print.")] = 15,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: PictureOption = None,
    registry: RegistryOption = None,
) -> None:
    """Hold every unit of a layer against masks of concepts, by the measure of Bau 2017.

    Masks lie beside their image as NAME.CONCEPT.mask.png; drawn eyes bring theirs (disc, cup, vessels, drusen ...).
    """
    from service.collections.reports.dissection import dissect  # noqa: PLC0415  drawing eyes takes a second to import
    from service.collections.reports.dissection_page import best, page  # noqa: PLC0415
    from service.collections.reports.dissection_page import picture as paint  # noqa: PLC0415

    with error_exit():
        classifier = load_model(model, registry)
        case = image_source(data, classifier.entry, images)
        with progress("Dissecting, twice over", 2 * case.count) as tick:
            report, thrills = dissect(classifier, case.start, case.count, layer or "", tick)
        if picture:
            draw(paint(report, thrills), picture)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        _print(table_console(), report)
        shown = Table("unit", "concept", "IoU", "detector", "most exciting image")
        for one in best(report, units):
            first = one.exciting[0]
            shown.add_row(str(one.unit), one.concept, f"{one.iou:.3f}", "yes" if one.detector else "", f"{first.image}")
        table_console().print(shown)
    if html:
        notice = classifier.entry.card.notice
        write(page(report, thrills, case.source, classifier.title, notice), html, as_json)


def _print(console: Console, report: Dissection) -> None:
    console.print(
        f"{report.detectors} of {len(report.units)} units of {report.layer} detect a concept"
        f" (IoU above {report.detects_above:g}) over {report.images} images",
        highlight=False,
    )
    table = Table("concept", "detectors", "best IoU", "of unit", "ceiling", "area")
    for c in report.concepts:
        table.add_row(
            c.name, str(c.detectors), f"{c.best_iou:.3f}", str(c.best_unit), f"{c.ceiling:.3f}", f"{c.area:.2%}"
        )
    console.print(table)
