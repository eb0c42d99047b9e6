"""`fovea evaluate bias`: where a model looks over many images, and whether what decides lies outside the anatomy."""

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
    MarkerOption,
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
from service.collections.reports.bias_report import Bias
from service.runtime.batch_inference import inspect_all

COLOURS = {"found": "red", "not_found": "green", "cannot_say": "yellow"}


def bias(
    data: DataArgument = GENERATED,
    model: ModelOption = None,
    images: ImagesOption = 200,
    marker: MarkerOption = 0.0,
    mask: Annotated[
        str, typer.Option(help="Name of the masks that mark the anatomy (NAME.CONCEPT.mask.png: CONCEPT; or truth).")
    ] = "",
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: PictureOption = None,
    registry: RegistryOption = None,
) -> None:
    """Say where a model looks for each class, and whether what decides lies outside the anatomy.

    The verdict asks of every class whether the places outside the field of view (and outside a mask) tell images apart
    more than an even share would. Ends with 0 whatever it finds.
    """
    from service.collections.reports.bias import bias as report_on  # noqa: PLC0415  scipy's statistics take a while to import
    from service.collections.reports.bias_page import page  # noqa: PLC0415
    from service.collections.reports.bias_page import picture as paint  # noqa: PLC0415
    from service.collections.reports.collected_evidence import collect_evidence  # noqa: PLC0415

    with error_exit():
        classifier = load_model(model, registry)
        case = image_source(data, classifier.entry, images, marker)
        with progress("Looking", case.count) as tick:
            gathered = collect_evidence(classifier, inspect_all(classifier, case.start()), mask, tick)
        report = report_on(gathered.evidence)
        if picture:
            draw(paint(report, gathered.backgrounds), picture)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show(table_console(), report)
    if html:
        notice = classifier.entry.card.notice
        write(page(report, case.source, classifier.title, notice, gathered.backgrounds), html, as_json)


def show(console: Console, report: Bias) -> None:
    """Print a report."""
    words = report.verdict.replace("_", " ")
    console.print(f"[{COLOURS[report.verdict]}]{words}[/]: {report.reason}.", highlight=False, soft_wrap=True)
    table = Table("class", "called so", "wrongly", "outside", "even", "attention", "decisive", "95 %", "p")
    for inspection in report.classes:
        for one in inspection.outside:
            decided = one.decisive
            table.add_row(
                inspection.label,
                str(inspection.said),
                str(inspection.wrong),
                one.place,
                f"{one.even:.1%}",
                "" if one.attention is None else f"{one.attention:.1%}",
                "" if decided is None else f"{decided.share:.1%}",
                "" if decided is None else f"{decided.low:.1%} to {decided.high:.1%}",
                "" if decided is None else f"{decided.p:.2g}",
            )
    console.print(table)
    console.print(
        f"cells that differ: {len(report.between)} between classes, {len(report.wrong)} between right and wrong answers"
    )
