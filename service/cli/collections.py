"""`fovea collections`: reference sets, filled, listed, shown, embedded again, mapped, deleted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from service.cli.collection_bias import bias
from service.cli.collection_import import import_
from service.cli.evaluation_options import JsonOption, RegistryOption, error_exit
from service.cli.projections import map_
from service.cli.settings_options import settings
from service.collections import reembedding
from service.collections.collection import Collection
from service.collections.library import Library
from service.collections.projections import operations
from service.runtime.answers import Answers

app = typer.Typer(
    help="Reference sets of images.",
    epilog="Begin with `fovea collections import FOLDER`, a folder with one subfolder of images a label.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="The collection.")]

app.command(
    "import",
    epilog="Examples: `fovea collections import photographs --name eyes --model glaucoma --keep-images`,"
    " `fovea collections import --generate --images 200 --name drawn`",
)(import_)
app.command("bias", epilog="Examples: `fovea collections bias eyes`, `fovea collections bias eyes --html bias.html`")(
    bias
)
app.command(
    "map",
    epilog="Examples: `fovea collections map eyes --method tsne --out map.png`,"
    " `fovea collections map eyes --method pca --dimensions 3 --json`",
)(map_)


@app.command("list", epilog="Examples: `fovea collections list`, `fovea collections list --json`")
def list_(registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """All collections, with their models and how many images each has."""
    with _library(registry) as library:
        found = [_facts(library, one) for one in library.store.collections()]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if not found:
        Console().print("there are none yet; `fovea collections import FOLDER` makes one", highlight=False)
        return
    table = Table("collection", "model", "images", "vectors", "thumbnails", "originals", "")
    for one in found:
        vectors = f"{one['dim']} after {one['layer']}"
        row = (one["name"], one["model"], str(one["count"]), vectors, _yes(one["thumbnails"]), _yes(one["originals"]))
        table.add_row(*map(escape, row), "[yellow]stale[/yellow]" if one["stale"] else "")
    Console().print(table)


@app.command(epilog="Examples: `fovea collections show eyes`, `fovea collections show eyes --json`")
def show(name: NameArgument, registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """One collection: labels, model, size, maps, and whether it still fits its model."""
    with _library(registry) as library:
        collection, content = library.store.collection(name), library.store.content(name)
        maps = {one.name: operations.outdated(library.store, name, one) for one in library.store.maps(name)}
        found = _facts(library, collection) | asdict(content) | {"maps": maps}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    labels = ", ".join(f"{label or '(none)'} {count}" for label, count in content.labels.items())
    mended = f"`fovea collections reembed {name}`" if collection.originals else "import the folder into a new one"
    rows = {
        "images": f"{collection.count}: {labels}" if labels else "none",
        "model": f"{collection.model}, weights {collection.weights_sha256}",
        "state": f"stale, for its model has other weights now: {mended}" if found["stale"] else "fits its model",
        "vectors": f"{collection.dim} numbers after {collection.layer}",
        "thumbnails": _yes(collection.thumbnails),
        "originals": _yes(collection.originals),
        "size": decimal(content.bytes),
        "maps": ", ".join(f"{one} (outdated)" if old else one for one, old in maps.items()) or "none",
        "created": time.strftime("%Y-%m-%d %H:%M", time.localtime(collection.created)),
    }
    table = Table.grid(padding=(0, 2))
    for what, value in rows.items():
        table.add_row(f"[dim]{what}[/dim]", escape(value))
    Console(soft_wrap=True, highlight=False).print(table, escape(str(found["notice"])))


@app.command(epilog="Examples: `fovea collections delete eyes`, `fovea collections delete eyes --yes`")
def delete(
    name: NameArgument, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False
) -> None:
    """Forget a collection and everything in it, for good."""
    with _library(None) as library:
        count = library.store.collection(name).count
        if not yes:
            typer.confirm(f"Delete {name} and its {count} images for good?", abort=True)
        library.store.delete(name)
    Console().print(f"{escape(name)}: deleted, with {count} images", highlight=False)


@app.command(epilog="Example: `fovea collections reembed eyes`")
def reembed(name: NameArgument, registry: RegistryOption = None) -> None:
    """Embed a stale collection's images again, by the weights its model has now.

    It needs a collection that keeps its images (import --keep-images). Until the last image is done everything stays
    as it was; interrupted, it goes on where it stopped when it is run again.
    """
    with _library(registry) as library:
        found = asyncio.run(_renewed(library, name))
    weights = f"weights {found.weights_sha256[:12]} of model {found.model}"
    Console(soft_wrap=True).print(f"{escape(name)}: {found.count} images as seen by {weights}", highlight=False)


async def _renewed(library: Library, name: str) -> Collection:
    answers = library.answers
    answers.registry.load(library.store.collection(name).model)
    await answers.start(load=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(name, total=1.0)
            found = await reembedding.reembed_item(
                library, name, lambda done, stage: bar.update(task, completed=done, description=stage)
            )
            bar.update(task, completed=1.0, description=f"{found.count} images embedded again")
            return found
    finally:
        await answers.close()


@contextmanager
def _library(registry: Path | None) -> Iterator[Library]:
    """The collections on the disk; our own errors end the command in plain words."""
    with error_exit():
        library = Library(Answers(settings(registry=registry)))
        try:
            yield library
        finally:
            asyncio.run(library.close())


def _facts(library: Library, one: Collection) -> dict[str, Any]:
    return asdict(one) | {"stale": library.stale(one), "notice": library.notice(one)}


def _yes(kept: bool) -> str:
    return "yes" if kept else "no"
