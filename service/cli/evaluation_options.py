"""What the commands that look at many images share: where images come from, progress, and where results go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service.cli.settings_options import settings
from service.errors import BadParameter, FoveaError, TrainingError
from service.images.tint import jpeg, png
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.models.registry import Registry
from service.runtime.batch_inference import InspectedImage, LabelledImage

GENERATED = "generated"
FIRST_SEED = 3_000_000
"""Of generated eyes that no shipped model has learned from."""

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="[FOLDER]", help="Folder with one subfolder of images a class; left out, or `generated`: drawn eyes."
    ),
]
ModelOption = Annotated[str | None, typer.Option(help="A model of the registry; its default where none is named.")]
RegistryOption = Annotated[
    Path | None,
    typer.Option(help="TOML file, or folder of them, that lists the models (FOVEA_REGISTRY).", show_default=False),
]
ImagesOption = Annotated[int, typer.Option(min=1, help="How many eyes to draw.")]
MarkerOption = Annotated[
    float, typer.Option(min=0, max=1, help="Strength of the biased variant of drawn eyes, a mark in their corner.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
HtmlOption = Annotated[Path | None, typer.Option(help="Write a page with pictures to this file.", dir_okay=False)]
PictureOption = Annotated[
    Path | None, typer.Option(help="Write the page's pictures alone to this .png or .jpg file.", dir_okay=False)
]


@dataclass(frozen=True)
class ImageSource:
    """The images to look at. source: what they are, in words. start: gives them, in the same order each time."""

    source: str
    count: int
    start: Callable[[], Iterator[LabelledImage]]


def load_model(model: str | None, registry: Path | None) -> Classifier:
    """A model of a registry. Raises what `Registry.load` raises."""
    return Registry(settings(registry=registry)).load(model)


def image_source(data: str, entry: Entry, images: int, marker: float = 0.0) -> ImageSource:
    """A folder's images, or drawn eyes of the set that the model was made for. Raises TrainingError."""
    from service.training import labelled_images  # noqa: PLC0415  the generator takes a second to import
    from service.training.render import Recipe  # noqa: PLC0415

    if data != GENERATED:
        root = Path(data)
        if not root.is_dir():
            raise TrainingError(f"{data} is no folder; name one with one subfolder of images a class, or `{GENERATED}`")
        return ImageSource(
            f"the folder {root.name}", len(labelled_images.files(root)), lambda: labelled_images.folder(root)
        )
    recipe = Recipe("five" if len(entry.labels) > 2 else "binary", FIRST_SEED, images, marker)
    if not set(recipe.labels) <= set(entry.labels):
        raise TrainingError(f"model {entry.name!r} does not know the classes of drawn eyes; name a folder of images")
    marked = f", with a mark in the corner of {marker:.0%} of the eyes with glaucoma" if marker else ""
    return ImageSource(f"drawn eyes, SYNTHETIC{marked}", images, lambda: labelled_images.generated(recipe))


@contextmanager
def error_exit() -> Iterator[None]:
    """Our own errors end the command in plain words."""
    try:
        yield
    except FoveaError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]{escape(str(error))}[/red]", highlight=False)
        raise typer.Exit(1) from None


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; gives what moves it on."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda more: bar.advance(task, more)


def count_progress(images: Iterator[InspectedImage], tick: Callable[[int], None]) -> Iterator[InspectedImage]:
    """The same images, each counted once it is done with."""
    for seen in images:
        yield seen
        tick(1)


def table_console() -> Console:
    """A console for results, wide where no terminal limits it."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def write(page: str, to: Path, quiet: bool) -> None:
    """Write a page and say where it is; on standard error where standard output is JSON."""
    to.write_text(page, encoding="utf-8")
    Console(stderr=quiet).print(f"{escape(str(to))}: {len(page) / 1000:.0f} kB, opens in any browser", highlight=False)


def draw(pixels: NDArray[np.uint8], to: Path) -> None:
    """Write a picture as PNG or JPEG, by its name. Raises BadParameter for another one."""
    forms = {".png": png, ".jpg": jpeg, ".jpeg": jpeg}
    if to.suffix.lower() not in forms:
        raise BadParameter(f"--picture {to.name}: name a .png or a .jpg file")
    to.write_bytes(forms[to.suffix.lower()](pixels))
