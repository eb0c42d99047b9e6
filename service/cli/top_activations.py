"""`fovea evaluate exciting`: the images that excite one unit most."""

from __future__ import annotations

from typing import Annotated

import typer
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
    count_progress,
    draw,
    error_exit,
    image_source,
    load_model,
    progress,
    table_console,
    write,
)
from service.runtime.activations import check
from service.runtime.batch_inference import inspect_all
from service.runtime.question import UnitRequest


def exciting(
    data: DataArgument = GENERATED,
    unit: Annotated[int, typer.Option(min=0, help="The unit, counted from 0.")] = 0,
    model: ModelOption = None,
    layer: Annotated[
        str | None, typer.Option(help="A layer with maps; the default one if left out. `fovea models show` names them.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="How many images.")] = 8,
    images: ImagesOption = 200,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: PictureOption = None,
    registry: RegistryOption = None,
) -> None:
    """Find the images that excite a unit of a layer most, and show where in them it fires."""
    from service.collections.reports.top_activations import page  # noqa: PLC0415
    from service.collections.reports.top_activations import picture as paint  # noqa: PLC0415
    from service.collections.reports.top_activations import top_activations as most_exciting  # noqa: PLC0415

    with error_exit():
        classifier = load_model(model, registry)
        layer = layer or classifier.cut
        check(classifier, layer, UnitRequest((unit,)))
        case = image_source(data, classifier.entry, images)
        with progress("Looking", case.count) as tick:
            looks = count_progress(inspect_all(classifier, case.start(), layer=layer), tick)
            found = most_exciting(looks, unit, case.count, top)
        if picture:
            draw(paint(found), picture)
    if as_json:
        typer.echo(found.report.model_dump_json(indent=2))
    else:
        table = Table("image", "largest activation", title=f"unit {unit} of {layer}, over {case.count} images")
        for peak in found.report.peaks:
            table.add_row(peak.image, f"{peak.activation:.4g}")
        table_console().print(table)
    if html:
        write(page(found, case.source, classifier.title, classifier.entry.card.notice), html, as_json)
