"""`fovea collections import`: fill a collection from a folder, or with generated images."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import ImagesOption, MarkerOption, ModelOption, RegistryOption
from service.cli.output import print_line
from service.cli.progress_bars import progress_bar
from service.cli.settings_options import settings

if TYPE_CHECKING:
    from service.cli.import_images import ImportRequest, ImportResult
    from service.settings import Settings

MAX_NAMED = 10
"""Files named that were not added."""


def import_(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder with one subfolder per label.", exists=True, file_okay=False)
    ] = None,
    name: Annotated[str, typer.Option(help="The collection; created if it does not exist.")] = "reference",
    model: ModelOption = None,
    generate: Annotated[bool, typer.Option("--generate", help="Generate images instead of reading a folder.")] = False,
    images: ImagesOption = 500,
    marker: MarkerOption = 0.0,
    keep_images: Annotated[bool, typer.Option("--keep-images", help="Store every image file as it is.")] = False,
    thumbnails: Annotated[bool, typer.Option(help="Store a small JPEG of every image.")] = True,
    mask: Annotated[
        str,
        typer.Option(
            help="Store a mask with every image, for the bias report: CONCEPT for files NAME.CONCEPT.mask.png, `truth`"
            " for NAME.mask.png; of generated images, a part such as disc."
        ),
    ] = "",
    registry: RegistryOption = None,
) -> None:
    """Fill a collection. An interrupted import resumes where it stopped when the same command is run again.

    The name of each subfolder is the label of the images in it. Files that are no images, and images that the model
    refuses, are named at the end and left out. Hidden files are ignored, and so are masks that were not asked for.
    Images that the collection has already stay as they are.
    """
    if generate == (folder is not None):
        raise typer.BadParameter("name a folder, or use --generate")
    given = settings(registry=registry)
    from service.cli.import_images import ImportRequest
    from service.collections.collection import check_name

    request = ImportRequest(folder, check_name(name), model, images, marker, keep_images, thumbnails, mask)
    _show(request, asyncio.run(_import(given, request)))


async def _import(given: Settings, request: ImportRequest) -> ImportResult:
    from service.cli.import_images import import_images

    return await import_images(given, request, lambda total: progress_bar(request.name, total))


def _show(request: ImportRequest, result: ImportResult) -> None:
    same = f", {result.known} of the files the same as others" if result.known else ""
    print_line(f"{request.name}: {result.count} images{same}. {result.notice}")
    for file, error in result.refused[:MAX_NAMED]:
        print_line(f"{file}: {error}", "yellow")
    if len(result.refused) > MAX_NAMED:
        print_line(f"and {len(result.refused) - MAX_NAMED} more were not added", "yellow")
    if result.unlabelled:
        print_line(
            f"{len(result.unlabelled)} images were left out, such as {result.unlabelled[0]}: an image must lie directly"
            " in one subfolder per label",
            "yellow",
        )
