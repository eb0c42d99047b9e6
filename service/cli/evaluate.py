"""`fovea evaluate`: how good the explanations are, over a folder or over generated eyes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.errors import FoveaError
from service.explain.methods import METHODS
from service.models.registry import Registry
from service.runtime.examine import method_named, obstacle
from service.settings import Settings

app = typer.Typer(help="Measure explanations against the truth.", no_args_is_help=True)


@app.callback()
def evaluate() -> None:
    """Measure explanations against the truth."""


@app.command(epilog="Example: `fovea evaluate localisation --model resnet18 --method gradcam --method cam`")
def localisation(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Folder with one subfolder of images a class, and boxes.csv or NAME.mask.png files; left out,"
            " generated eyes.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="A model of the registry; repeatable.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="A method; repeatable. Left out, the fast ones.")] = None,
    images: Annotated[int, typer.Option(min=1, help="How many eyes to generate.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")] = False,
) -> None:
    """Print classification and localisation error, the pointing game and the energy inside the mask, by method."""
    from service.training import localisation as work  # noqa: PLC0415  the generator takes a second to import
    from service.training import specimens  # noqa: PLC0415
    from service.training.render import Recipe  # noqa: PLC0415

    registry = Registry(Settings())
    scores: list[work.Score] = []
    try:
        for asked in model or [""]:
            classifier = registry.load(asked or None)
            kind = "five" if len(classifier.entry.labels) > 2 else "binary"
            cases = specimens.folder(data) if data else specimens.generated(Recipe(kind, 3_000_000, images))
            fast = [name for name, row in METHODS.items() if row.needs not in {"input", "pixels"}]
            if method:
                rows = [method_named(name, classifier, classifier.cut) for name in method]
            else:
                rows = [METHODS[name] for name in fast if obstacle(METHODS[name], classifier, classifier.cut) is None]
            scores += work.localise(classifier, rows, cases)
    except FoveaError as error:
        Console(stderr=True).print(f"[red]{error}[/red]")
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps([asdict(score) for score in scores], indent=2))
        return
    columns = ["model", "method", "images", "class-1", "class-5", "place-1", "place-5", "pointing", "energy"]
    table = Table(*columns, title="errors top-1 and top-5 in %, pointing game and energy inside in %")
    for score in scores:
        first, *figures = list(asdict(score).values())
        table.add_row(str(first), str(figures[0]), str(figures[1]), *(f"{100 * value:.2f}" for value in figures[2:]))
    Console().print(table)
