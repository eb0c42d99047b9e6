"""Images from a folder or a generator into a collection, in small transactions, several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from service.cli.image_source import generated_recipe
from service.collections.collection import NewImage
from service.collections.library import Library
from service.errors import BadParameter, FoveaError, TrainingError
from service.images.formats.table import SUFFIXES
from service.images.rendering import png
from service.models.entry import Entry
from service.runtime.inference_service import InferenceService
from service.settings import Settings
from service.training.labelled_images import files, mask_of
from service.training.render import Recipe

BATCH = 16
"""Images in one transaction."""

PARALLEL_BATCHES = 3
"""Batches at a time: some are written while others are computed. An interrupted import repeats no more than these."""

OpenBar = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""From the number of images to a progress bar over them."""


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


@dataclass
class ImportResult:
    """What became of the images.

    count: images in the collection now. known: files whose image was there already, under another name. refused: files
    that were not added, and why. unlabelled: images of the folder that lie in no subfolder, or deeper than in one.
    """

    count: int = 0
    known: int = 0
    refused: list[tuple[str, FoveaError]] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    notice: str = ""


@dataclass(frozen=True)
class ImageFile:
    """An image to come, and what reads or generates it."""

    name: str
    make: Callable[[], NewImage]

    def image(self) -> NewImage | FoveaError:
        """The image, or why there is none."""
        try:
            return self.make()
        except OSError as error:
            return TrainingError(f"cannot be read: {error.strerror or error}")


async def import_images(given: Settings, request: ImportRequest, open_bar: OpenBar) -> ImportResult:
    """Fill a collection, which is created if it does not exist.

    Raises BadParameter for options that do not fit the collection, and for a folder without images.
    """
    answers = InferenceService(given)
    library = Library(answers)
    try:
        entry = answers.registry.load(await _model(request, library)).entry
        await answers.start(load=False)
        if request.name not in {one.collection.name for one in await library.collections()}:
            await library.create(request.name, entry.name, request.thumbnails, request.keep_images)
        collection, _ = await library.open_collection(request.name)
        if request.keep_images and not collection.originals:
            raise BadParameter(f"collection {request.name!r} was created without --keep-images; use another --name")
        result = await _fill(library, request, entry, open_bar)
        status = await library.collection(request.name)
        result.count, result.notice = status.collection.count, status.notice
        result.unlabelled = _unlabelled(request.folder) if request.folder else []
        return result
    finally:
        await library.close()
        await answers.close()


async def _fill(library: Library, request: ImportRequest, entry: Entry, open_bar: OpenBar) -> ImportResult:
    total, fresh = _image_files(request, entry, await library.identifiers(request.name))
    result, waiting = ImportResult(), iter(fresh)
    with open_bar(total) as count_done:
        count_done(total - len(fresh))

        async def work() -> None:
            while batch := list(islice(waiting, BATCH)):
                await _add(result, batch, library, request.name)
                count_done(len(batch))

        await _in_parallel(work)
    return result


async def _add(result: ImportResult, batch: Sequence[ImageFile], library: Library, name: str) -> None:
    """Add some images in one transaction, and note in the result what became of them."""
    images = await asyncio.to_thread(lambda: [file.image() for file in batch])
    readable = [one for one in images if not isinstance(one, FoveaError)]
    added = iter(await library.add(name, readable) if readable else ())
    for file, image in zip(batch, images, strict=True):
        outcome = image if isinstance(image, FoveaError) else next(added)
        if isinstance(outcome, FoveaError):
            result.refused.append((file.name, outcome))
        else:
            result.known += outcome.duplicate


async def _model(request: ImportRequest, library: Library) -> str | None:
    """The model of the collection, if there is one. Raises BadParameter where another one was named."""
    models = {one.collection.name: one.collection.model for one in await library.collections()}
    if request.model not in {None, models.get(request.name, request.model)}:
        raise BadParameter(
            f"collection {request.name!r} is of model {models[request.name]!r}, not {request.model!r}: leave --model"
            " out, or use another --name"
        )
    return models.get(request.name, request.model)


async def _in_parallel(work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run PARALLEL_BATCHES workers; an error in one ends all."""
    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(PARALLEL_BATCHES):
                workers.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


def _image_files(request: ImportRequest, entry: Entry, known: set[str]) -> tuple[int, list[ImageFile]]:
    """How many images there are, and those that are not in the collection yet."""
    if request.folder is not None:
        return _of_folder(request.folder, request.mask, known)
    recipe = generated_recipe(entry, request.images, request.marker)
    seeds = {f"{recipe.kind}-{seed}": seed for seed in range(recipe.first, recipe.first + recipe.count)}
    fresh = {name: seed for name, seed in seeds.items() if name not in known}
    return len(seeds), [ImageFile(name, partial(_generate, recipe, seed, request.mask)) for name, seed in fresh.items()]


def _of_folder(root: Path, mask: str, known: set[str]) -> tuple[int, list[ImageFile]]:
    paths = files(root)
    if not paths:
        raise BadParameter(f"{root} has no images: put them into one subfolder per label")
    names = {path: path.relative_to(root).as_posix() for path in paths}
    fresh = [path for path in paths if names[path] not in known]
    masks = [mask_of(path, mask) if mask else None for path in fresh]
    return len(paths), [
        ImageFile(names[path], partial(_read, path, names[path], found))
        for path, found in zip(fresh, masks, strict=True)
    ]


def _read(path: Path, name: str, mask: Path | None) -> NewImage:
    return NewImage(path.read_bytes(), name, path.parent.name, mask.read_bytes() if mask else None)


def _generate(recipe: Recipe, seed: int, mask: str) -> NewImage:
    """Raises TrainingError for a part that is not generated."""
    photograph = recipe.photograph(seed)
    if mask and mask not in photograph.masks:
        raise TrainingError(f"generated images have no mask {mask!r}; they have {', '.join(photograph.masks)}")
    white = np.repeat(photograph.masks[mask][..., None], 3, 2).astype(np.uint8) * 255 if mask else None
    covered = None if white is None else png(white)
    return NewImage(png(photograph.pixels), f"{recipe.kind}-{seed}", photograph.label, covered)


def _unlabelled(root: Path) -> list[str]:
    """Images that have no label, or more than one possible."""
    paths = (path.relative_to(root) for path in sorted(root.rglob("*")) if path.suffix.lower() in SUFFIXES)
    return [
        path.as_posix()
        for path in paths
        if len(path.parts) != 2 and not any(part.startswith(".") for part in path.parts)
    ]
