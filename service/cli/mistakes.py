"""`fovea evaluate errors`: the worst mistakes over labelled images, explained from both sides."""

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
    MarkerOption,
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
from service.collections.reports.mistakes import METHOD, Mistakes
from service.runtime.batch_inference import inspect_all


def errors(
    data: DataArgument = GENERATED,
    model: ModelOption = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="How many mistakes to explain, most confident first.")] = 12,
    method: Annotated[str, typer.Option(help="The explanation method; `fovea explain --help` names them.")] = METHOD,
    images: ImagesOption = 400,
    marker: MarkerOption = 0.0,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: PictureOption = None,
    registry: RegistryOption = None,
) -> None:
    """Show the most confident mistakes: what speaks for the truth, for what was said, and for one rather than other."""
    from service.collections.reports.mistakes import mistakes  # noqa: PLC0415
    from service.collections.reports.mistakes_page import page  # noqa: PLC0415
    from service.collections.reports.mistakes_page import picture as paint  # noqa: PLC0415

    with error_exit():
        classifier = load_model(model, registry)
        case = image_source(data, classifier.entry, images, marker)
        with progress("Looking", case.count) as tick:
            found = mistakes(classifier, count_progress(inspect_all(classifier, case.start()), tick), top, method)
        if picture and found.report.worst:
            draw(paint(found), picture)
    if as_json:
        typer.echo(found.report.model_dump_json(indent=2))
    else:
        _print(found.report)
    if html:
        write(page(found, case.source, classifier.title, classifier.entry.card.notice), html, as_json)


def _print(report: Mistakes) -> None:
    console = table_console()
    console.print(f"{report.wrong} of {report.images} images were called something else than they are", highlight=False)
    table = Table("image", "truth", "probability", "logit", "said", "probability", "logit")
    for one in report.worst:
        sides = [(side.label, f"{side.probability:.3f}", f"{side.logit:.2f}") for side in (one.truth, one.said)]
        table.add_row(one.image, *sides[0], *sides[1])
    if report.worst:
        console.print(table)
