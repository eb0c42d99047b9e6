"""`fovea collections`: reference sets, filled from a folder, listed, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.cli.looking import FIRST_SEED, ImagesOption, MarkerOption, ModelOption, RegistryOption, progress, told
from service.cli.maps import map_
from service.cli.recalled import bias
from service.collections.collection import checked
from service.collections.library import Library
from service.errors import FoveaError, TrainingError
from service.images.tint import png
from service.models.entry import Entry
from service.runtime.answers import Answers
from service.settings import Settings

if TYPE_CHECKING:
    from service.training.render import Recipe

app = typer.Typer(help="Reference sets of images.", no_args_is_help=True)

TOGETHER = 16
"""Images in one transaction."""

GROUPS = 3
"""Of so many images on their way at once: while some are written, others are computed. What an interrupted import has
to look at again, at most."""

NameArgument = Annotated[str, typer.Argument(help="The collection.")]
Picture = tuple[bytes, str, str]
"""Bytes, name, label."""


@dataclass(frozen=True)
class Wish:
    """What to import, and into which collection."""

    folder: Path | None
    name: str
    model: str | None
    images: int
    marker: float
    keep_images: bool
    thumbnails: bool


@app.command("import", epilog="Example: `fovea collections import --generate --images 200 --name eyes`")
def import_(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder with one subfolder of images a label.", exists=True, file_okay=False)
    ] = None,
    name: Annotated[str, typer.Option(help="The collection; made where there is none.")] = "reference",
    model: ModelOption = None,
    generate: Annotated[bool, typer.Option("--generate", help="Draw eyes in place of reading a folder.")] = False,
    images: ImagesOption = 500,
    marker: MarkerOption = 0.0,
    keep_images: Annotated[bool, typer.Option("--keep-images", help="Keep every image as it is.")] = False,
    thumbnails: Annotated[bool, typer.Option(help="Keep a small JPEG of every image.")] = True,
    registry: RegistryOption = None,
) -> None:
    """Fill a collection. Interrupted, it goes on where it stopped when it is run again."""
    if generate == (folder is not None):
        raise typer.BadParameter("name a folder, or say --generate")
    with told():
        asyncio.run(_import(Wish(folder, checked(name), model, images, marker, keep_images, thumbnails), registry))


app.command("bias", epilog="Example: `fovea collections bias eyes --html bias.html`")(bias)
app.command("map", epilog="Example: `fovea collections map reference --method tsne --out map.png`")(map_)


@app.command("list")
def list_() -> None:
    """All collections."""
    table = Table("collection", "model", "images", "vectors", "thumbnails", "originals")
    with told():
        library = Library(Answers(Settings()))
        for one in library.store.collections():
            shown = (one.name, one.model, str(one.count), f"{one.dim} after {one.layer}")
            table.add_row(*map(escape, shown), "yes" if one.thumbnails else "no", "yes" if one.originals else "no")
    Console().print(table)


@app.command()
def delete(name: NameArgument) -> None:
    """Forget a collection and everything in it."""
    with told():
        library = Library(Answers(Settings()))
        count = library.store.collection(name).count
        library.store.delete(name)
    Console().print(f"{escape(name)}: deleted, with {count} images", highlight=False)


async def _import(wish: Wish, registry: Path | None) -> None:
    answers = Answers(Settings(**({"registry": registry} if registry else {})))  # type: ignore[arg-type]
    library = Library(answers)
    entry = answers.registry.load(wish.model).entry
    await answers.start(load=False)
    try:
        if wish.name not in {one.name for one in await library.collections()}:
            await library.create(wish.name, entry.name, wish.thumbnails, wish.keep_images)
        opened, _ = await library.opened(wish.name)
        if wish.model not in {None, opened.model}:
            raise TrainingError(f"collection {wish.name!r} is of model {opened.model!r}, not {wish.model!r}")
        total, pictures = _pictures(wish, entry, library.store.known(wish.name))
        refused: list[tuple[str, FoveaError]] = []
        with progress(wish.name, total) as tick:
            tick(total - len(pictures))
            waiting = iter(pictures)

            async def fill() -> None:
                while group := list(islice(waiting, TOGETHER)):
                    read = await asyncio.to_thread(_made, group)
                    found = await library.add(wish.name, read)
                    pairs = zip(read, found, strict=True)
                    refused.extend((one[1], error) for one, error in pairs if isinstance(error, FoveaError))
                    tick(len(group))

            await _at_once(fill)
        _tell(library, wish.name, refused)
    finally:
        await library.close()
        await answers.close()


async def _at_once(fill: Callable[[], Coroutine[None, None, None]]) -> None:
    """GROUPS times the same; what goes wrong in one ends all."""
    try:
        async with asyncio.TaskGroup() as together:
            for _ in range(GROUPS):
                together.create_task(fill())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


def _pictures(wish: Wish, entry: Entry, known: set[str]) -> tuple[int, list[Callable[[], Picture]]]:
    """How many there are, and what reads or draws those that are not in the collection yet."""
    from service.training.render import Recipe  # noqa: PLC0415  the generator takes a second to import
    from service.training.specimens import files  # noqa: PLC0415

    if wish.folder is not None:
        root, paths = wish.folder, files(wish.folder)
        names = {path: path.relative_to(root).as_posix() for path in paths}
        fresh = [path for path in paths if names[path] not in known]
        return len(paths), [partial(_read, path, names[path]) for path in fresh]
    recipe = Recipe("five" if len(entry.labels) > 2 else "binary", FIRST_SEED, wish.images, wish.marker)
    seeds = range(recipe.first, recipe.first + recipe.count)
    return len(seeds), [partial(_drawn, recipe, seed) for seed in seeds if f"{recipe.kind}-{seed}" not in known]


def _made(group: Sequence[Callable[[], Picture]]) -> list[Picture]:
    return [one() for one in group]


def _read(path: Path, name: str) -> Picture:
    return path.read_bytes(), name, path.parent.name


def _drawn(recipe: Recipe, seed: int) -> Picture:
    photograph = recipe.photograph(seed)
    return png(photograph.pixels), f"{recipe.kind}-{seed}", photograph.label


def _tell(library: Library, name: str, refused: Sequence[tuple[str, FoveaError]]) -> None:
    collection, console = library.store.collection(name), Console()
    console.print(f"{escape(name)}: {collection.count} images. {escape(library.notice(collection))}", highlight=False)
    for which, error in refused[:10]:
        console.print(f"[yellow]{escape(which)}: {escape(str(error))}[/yellow]", highlight=False, soft_wrap=True)
    if len(refused) > 10:
        console.print(f"[yellow]and {len(refused) - 10} more were not added[/yellow]")
