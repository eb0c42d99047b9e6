"""`fovea collections map`: a map of a collection, made here and now, and its picture."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from service.cli.evaluation_options import error_exit
from service.cli.settings_options import settings
from service.collections.library import Library
from service.collections.projection import PROJECTION_METHODS, ProjectionFacts, ProjectionRequest
from service.collections.projections import operations, picture
from service.errors import BadParameter
from service.runtime.answers import Answers


def map_(
    name: Annotated[str, typer.Argument(help="The collection.")],
    method: Annotated[Literal["pca", "tsne", "umap"], typer.Option(help="How the map is made.")] = "tsne",
    dimensions: Annotated[int, typer.Option(min=2, max=3, help="Of the map.")] = 2,
    perplexity: Annotated[float | None, typer.Option(min=1, help="Of t-SNE; left out, 30 or a third.")] = None,
    neighbors: Annotated[int | None, typer.Option(min=2, help="Of UMAP; left out, 15.")] = None,
    min_dist: Annotated[float | None, typer.Option(min=0, max=0.99, help="Of UMAP; left out, 0.1.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of t-SNE and UMAP; left out, 0.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to draw it, a .png file.", dir_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")] = False,
) -> None:
    """Make a map of a collection, keep it there, and draw it."""
    wish = ProjectionRequest(method, dimensions, perplexity, neighbors, min_dist, seed)
    with error_exit():
        if out is not None and out.suffix.lower() != ".png":
            raise BadParameter(f"--out {out.name}: name a .png file")
        facts, drawn = asyncio.run(_made(name, wish, draw=out is not None))
    if out is not None:
        out.write_bytes(drawn)
    if as_json:
        typer.echo(json.dumps({"map": facts.name, "images": facts.images, "quality": facts.quality}, indent=2))
        return
    what = f"{PROJECTION_METHODS[facts.method].title} of {name}: {facts.images} images, {picture.told(facts)}"
    Console().print(escape(what) + (f", drawn in {escape(str(out))}" if out else ""), highlight=False, soft_wrap=True)


async def _made(name: str, wish: ProjectionRequest, draw: bool) -> tuple[ProjectionFacts, bytes]:
    library = Library(Answers(settings()))
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    try:
        collection = library.store.collection(name)
        wish.settled(collection.count)
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=1.0)
            facts = await operations.fit(
                library, name, vars(wish), lambda done, stage: bar.update(task, completed=done, description=stage)
            )
        if not draw:
            return facts, b""
        chart, notice = operations.view(library.store, name, facts.name), library.notice(collection)
        labels = [line.label for line in chart.lines]
        return facts, picture.picture(facts, chart.coordinates, labels, f"the collection {name}", notice)
    finally:
        await library.close()
