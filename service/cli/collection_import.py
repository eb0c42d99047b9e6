"""`fovea collections import`: a reference set, filled from a folder or with drawn eyes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape

from service.cli.evaluation_options import (
    FIRST_SEED,
    ImagesOption,
    MarkerOption,
    ModelOption,
    RegistryOption,
    error_exit,
    progress,
)
from service.cli.settings_options import settings
from service.collections.collection import NewImage, check_name
from service.collections.library import Library
from service.errors import BadParameter, FoveaError, TrainingError
from service.images.tint import png
from service.models.entry import Entry
from service.runtime.answers import Answers

if TYPE_CHECKING:
    from service.training.render import Recipe

TOGETHER = 16
"""Images in one transaction."""

GROUPS = 3
"""Of so many images on their way at once: while some are written, others are computed. What an interrupted import has
to look at again, at most."""

MOST_TOLD = 10
"""Files named that were not added."""

SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"}


@dataclass(frozen=True)
class Source:
    """Where an image comes from."""

    name: str
    make: Callable[[], NewImage]

    def made(self) -> NewImage | FoveaError:
        """The image, or why there is none."""
        try:
            return self.make()
        except OSError as error:
            return TrainingError(f"cannot be read: {error.strerror or error}")


@dataclass
class Outcome:
    """What became of the images. known: that were there already, under another name."""

    known: int = 0
    refused: list[tuple[str, FoveaError]] = field(default_factory=list)

    async def note(self, group: Sequence[Source], library: Library, name: str) -> None:
        """Add some images, in one transaction."""
        made = await asyncio.to_thread(_made, group)
        given = [one for one in made if not isinstance(one, FoveaError)]
        added = iter(await library.add(name, given) if given else ())
        for source, one in zip(group, made, strict=True):
            found = one if isinstance(one, FoveaError) else next(added)
            if isinstance(found, FoveaError):
                self.refused.append((source.name, found))
            else:
                self.known += found.known


@dataclass(frozen=True)
class ImportRequest:
    """What to import, and into which collection."""

    folder: Path | None
    name: str
    model: str | None
    images: int
    marker: float
    keep_images: bool
    thumbnails: bool
    mask: str


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
    mask: Annotated[
        str,
        typer.Option(
            help="Keep a mask with every image, for the bias report: CONCEPT takes NAME.CONCEPT.mask.png beside it,"
            " truth NAME.mask.png; of drawn eyes, a part such as disc."
        ),
    ] = "",
    registry: RegistryOption = None,
) -> None:
    """Fill a collection. Interrupted, it goes on where it stopped when it is run again.

    Each subfolder's name is the label of the images in it. Files that are no image, or that the model refuses, are
    named at the end and left out; hidden files, and masks but for those asked for, are not looked at. Images
    that are in the collection already stay as they are, with a mask or without.
    """
    if generate == (folder is not None):
        raise typer.BadParameter("name a folder, or say --generate")
    with error_exit():
        wish = ImportRequest(folder, check_name(name), model, images, marker, keep_images, thumbnails, mask)
        asyncio.run(_import(wish, registry))


async def _import(wish: ImportRequest, registry: Path | None) -> None:
    answers = Answers(settings(registry=registry))
    library = Library(answers)
    try:
        entry = answers.registry.load(await _model(wish, library)).entry
        await answers.start(load=False)
        if wish.name not in {one.name for one in await library.collections()}:
            await library.create(wish.name, entry.name, wish.thumbnails, wish.keep_images)
        opened, _ = await library.opened(wish.name)
        if wish.keep_images and not opened.originals:
            raise BadParameter(f"collection {wish.name!r} was made without --keep-images; take another --name")
        total, pictures = _pictures(wish, entry, library.store.known(wish.name))
        outcome = Outcome()
        with progress(wish.name, total) as tick:
            tick(total - len(pictures))
            waiting = iter(pictures)

            async def fill() -> None:
                while group := list(islice(waiting, TOGETHER)):
                    await outcome.note(group, library, wish.name)
                    tick(len(group))

            await _at_once(fill)
        _tell(library, wish, outcome)
    finally:
        await library.close()
        await answers.close()


async def _model(wish: ImportRequest, library: Library) -> str | None:
    """That of the collection, if there is one. Raises BadParameter where another is asked for."""
    there = {one.name: one.model for one in await library.collections()}
    if wish.model not in {None, there.get(wish.name, wish.model)}:
        raise BadParameter(
            f"collection {wish.name!r} is of model {there[wish.name]!r}, not {wish.model!r}: leave --model out, or take"
            " another --name"
        )
    return there.get(wish.name, wish.model)


async def _at_once(fill: Callable[[], Coroutine[None, None, None]]) -> None:
    """GROUPS times the same; what goes wrong in one ends all."""
    try:
        async with asyncio.TaskGroup() as together:
            for _ in range(GROUPS):
                together.create_task(fill())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


def _pictures(wish: ImportRequest, entry: Entry, known: set[str]) -> tuple[int, list[Source]]:
    """How many there are, and those that are not in the collection yet."""
    from service.training.labelled_images import files, mask_of  # noqa: PLC0415
    from service.training.render import Recipe  # noqa: PLC0415  the generator takes a second to import

    if wish.folder is not None:
        root, paths = wish.folder, files(wish.folder)
        if not paths:
            raise BadParameter(f"{root} has no images: put them into one subfolder a label")
        names = {path: path.relative_to(root).as_posix() for path in paths}
        fresh = [path for path in paths if names[path] not in known]
        masks = [mask_of(path, wish.mask) if wish.mask else None for path in fresh]
        return len(paths), [
            Source(names[path], partial(_read, path, names[path], mask))
            for path, mask in zip(fresh, masks, strict=True)
        ]
    recipe = Recipe("five" if len(entry.labels) > 2 else "binary", FIRST_SEED, wish.images, wish.marker)
    drawn = {f"{recipe.kind}-{seed}": seed for seed in range(recipe.first, recipe.first + recipe.count)}
    fresh_seeds = {name: seed for name, seed in drawn.items() if name not in known}
    return len(drawn), [Source(name, partial(_drawn, recipe, seed, wish.mask)) for name, seed in fresh_seeds.items()]


def _made(group: Sequence[Source]) -> list[NewImage | FoveaError]:
    return [one.made() for one in group]


def _read(path: Path, name: str, mask: Path | None) -> NewImage:
    return NewImage(path.read_bytes(), name, path.parent.name, mask.read_bytes() if mask else None)


def _drawn(recipe: Recipe, seed: int, mask: str) -> NewImage:
    """Raises TrainingError for a part that is not drawn."""
    photograph = recipe.photograph(seed)
    if mask and mask not in photograph.masks:
        raise TrainingError(f"drawn eyes have no mask {mask!r}; they have {', '.join(photograph.masks)}")
    white = np.repeat(photograph.masks[mask][..., None], 3, 2).astype(np.uint8) * 255 if mask else None
    covered = None if white is None else png(white)
    return NewImage(png(photograph.pixels), f"{recipe.kind}-{seed}", photograph.label, covered)


def _tell(library: Library, wish: ImportRequest, outcome: Outcome) -> None:
    collection, console = library.store.collection(wish.name), Console(soft_wrap=True, highlight=False)
    same = f", {outcome.known} of the files the same as others" if outcome.known else ""
    console.print(f"{escape(wish.name)}: {collection.count} images{same}. {escape(library.notice(collection))}")
    for which, error in outcome.refused[:MOST_TOLD]:
        console.print(f"[yellow]{escape(which)}: {escape(str(error))}[/yellow]")
    if len(outcome.refused) > MOST_TOLD:
        console.print(f"[yellow]and {len(outcome.refused) - MOST_TOLD} more were not added[/yellow]")
    if wish.folder is not None and (stray := _strays(wish.folder)):
        console.print(
            f"[yellow]{len(stray)} images were left out, as {escape(stray[0])}: they lie deeper than in one subfolder"
            " a label, or in none[/yellow]"
        )


def _strays(root: Path) -> list[str]:
    """Images that have no label, or more than one could be meant."""
    paths = (path.relative_to(root) for path in sorted(root.rglob("*")) if path.suffix.lower() in SUFFIXES)
    return [
        path.as_posix()
        for path in paths
        if len(path.parts) != 2 and not any(part.startswith(".") for part in path.parts)
    ]
