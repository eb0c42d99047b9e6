"""`fovea evaluate`: how good the explanations are, over a folder or over generated eyes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from service.cli.bias import bias
from service.cli.digits import digits
from service.cli.dissection import dissection
from service.cli.errors import errors
from service.cli.settings_options import settings
from service.cli.top_activations import exciting
from service.errors import DoesNotApply, FoveaError
from service.explain.method import Method
from service.explain.methods import METHODS
from service.explain.tokens import spatial
from service.models.classifier import Classifier
from service.models.registry import Registry
from service.models.scores import direction
from service.runtime.batch_inference import LabelledImage
from service.runtime.examine import method_named, obstacle

app = typer.Typer(help="Measure models and their explanations.", no_args_is_help=True)

GENERATED_FROM = 3_000_000
"""The first seed of generated eyes here, those that models were tested on and never learned from."""

Data = Annotated[
    Path | None,
    typer.Argument(help="Folder with one subfolder of images a class; left out, generated eyes.", exists=True),
]
Models = Annotated[list[str] | None, typer.Option("--model", help="A model of the registry; repeatable.")]
Chosen = Annotated[list[str] | None, typer.Option("--method", help="A method; repeatable. Left out, the fast ones.")]
AtLayer = Annotated[str | None, typer.Option("--layer", help="Where to look; left out, at the model's last map.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


@app.callback()
def evaluate() -> None:
    """Measure models and their explanations."""


@app.command(epilog="Example: `fovea evaluate localisation --model resnet18 --method gradcam --method cam`")
def localisation(
    data: Data = None,
    model: Models = None,
    method: Chosen = None,
    layer: AtLayer = None,
    images: Annotated[int, typer.Option(min=1, help="How many eyes to generate.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Print classification and localisation error, the pointing game and the energy inside the mask, by method.

    A folder tells where to look by boxes.csv (file,left,top,right,bottom) or by NAME.mask.png beside an image.
    """
    from service.training import localisation as work  # noqa: PLC0415  the generator takes a second to import

    scores = list[work.Score]()
    with _told():
        registry = Registry(settings())
        for asked in model or [""]:
            classifier = registry.load(asked or None)
            with _counting(asked or classifier.entry.name) as progress:
                labelled, count = _specimens(data, classifier, images)
                methods = _methods(method, classifier, layer)
                scores += work.localise(classifier, methods, progress.track(labelled, count), layer)
    if as_json:
        typer.echo(json.dumps([asdict(score) for score in scores], indent=2))
        return
    columns = ["model", "method", "images", "class-1", "class-5", "place-1", "place-5", "pointing", "energy"]
    table = Table(*columns, title="errors top-1 and top-5 in %, pointing game and energy inside in %")
    for score in scores:
        first, *figures = list(asdict(score).values())
        table.add_row(str(first), str(figures[0]), str(figures[1]), *(f"{100 * value:.2f}" for value in figures[2:]))
    Console().print(table)


@app.command(epilog="Example: `fovea evaluate faithfulness --images 20 --plot faithfulness.png`")
def faithfulness(
    data: Data = None,
    model: Annotated[str | None, typer.Option(help="A model of the registry; left out, the default.")] = None,
    method: Chosen = None,
    layer: AtLayer = None,
    images: Annotated[int, typer.Option(min=1, help="How many eyes to generate.")] = 20,
    plot: Annotated[
        Path | None, typer.Option(help="Write a picture of all curves and figures: .png, .svg, .pdf.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print deletion, insertion, average drop and the other measures of a map, averaged over images, by method.

    Some 36 forwards an image and method.
    """
    from service.training import faithfulness as work  # noqa: PLC0415  the generator takes a second to import

    with _told():
        classifier = Registry(settings()).load(model)
        labelled, count = _specimens(data, classifier, images)
        with _counting(classifier.entry.name) as progress:
            methods = _methods(method, classifier, layer)
            rows = work.faithfulness(classifier, methods, progress.track(labelled, count), layer)
        if plot is not None:
            work.plot(rows, plot)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    heads = [name.replace("_", " ") for name in rows[0].means]
    table = Table(Column("method", no_wrap=True), "empty", *heads, title=f"{rows[0].model}, {rows[0].images} images")
    for row in rows:
        table.add_row(
            row.method, str(row.empty), *(f"{row.means[name]:.2f}±{row.errors[name]:.2f}" for name in row.means)
        )
    Console().print(table)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong is told in its own words, without a traceback."""
    try:
        yield
    except FoveaError as error:
        Console(stderr=True).print(f"[red]{error}[/red]")
        raise typer.Exit(1) from None


@contextmanager
def _counting(title: str) -> Iterator[Progress]:
    """A progress bar on the terminal's error stream, gone when the work is done."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield progress


def _specimens(data: Path | None, classifier: Classifier, images: int) -> tuple[Iterable[LabelledImage], int]:
    """A folder's images, or generated eyes of the kind that the classifier knows; and how many there are."""
    from service.training import labelled_images  # noqa: PLC0415  the generator takes a second to import
    from service.training.render import Recipe  # noqa: PLC0415

    if data is not None:
        return labelled_images.folder(data), len(labelled_images.files(data))
    kind = "five" if len(classifier.entry.labels) > 2 else "binary"
    return labelled_images.generated(Recipe(kind, GENERATED_FROM, images)), images


def _methods(names: list[str] | None, classifier: Classifier, layer: str | None) -> list[Method]:
    """Those asked for, or every one that costs no further forward and applies."""
    cut = layer or classifier.cut
    classifier.network.place(cut)
    if names:
        return [method_named(name, classifier, cut) for name in names]
    fast = [method for method in METHODS.values() if method.cost == "0" and method.needs != "pixels"]
    return [
        method for method in fast if obstacle(method, classifier, cut) is None and _applies(method, classifier, cut)
    ]


def _applies(method: Method, classifier: Classifier, layer: str) -> bool:
    """Some methods know only from the head's own modules whether they can pass through it."""
    A, head = spatial(torch.ones(1, *classifier.shapes[layer]), classifier.head(layer))
    try:
        method.function(A, head, direction(0, classifier.entry)[None])
    except DoesNotApply:
        return False
    return True


app.command(epilog="Examples: `fovea evaluate bias FOLDER --html bias.html`, `fovea evaluate bias --marker 0.95`")(bias)
app.command(epilog="Example: `fovea evaluate dissection --model resnet18 --layer layer3 --html units.html`")(dissection)
app.command(epilog="Example: `fovea evaluate errors FOLDER --model resnet18 --html errors.html`")(errors)
app.command(epilog="Example: `fovea evaluate exciting --model resnet18 --unit 331 --html unit.html`")(exciting)
app.command(epilog="Example: `fovea evaluate digits --out digits.png`")(digits)
