"""The one frame of all commands that measure a model over many images: load, measure with a bar, deliver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from service.cli.image_source import ImageSource, image_source
from service.cli.model_loading import load_model
from service.cli.output import PICTURE_SUFFIXES, check_suffix, write_page
from service.cli.progress_bars import progress_bar

if TYPE_CHECKING:
    from service.models.classifier import Classifier

Image = TypeVar("Image")
PLOT_SUFFIXES = (".png", ".jpg", ".svg", ".pdf")
"""Of pictures that matplotlib writes."""

CountDone = Callable[[int], None]


@dataclass(frozen=True)
class Delivery:
    """Where a report goes: JSON or text on standard output, an HTML page, a picture."""

    as_json: bool
    html: Path | None
    picture: Path | None = None
    picture_suffixes: tuple[str, ...] = PICTURE_SUFFIXES

    def check(self) -> None:
        """Refuse before any work what could not be written after it. Raises BadParameter."""
        check_suffix("--picture", self.picture, self.picture_suffixes)
        check_suffix("--html", self.html, (".html", ".htm"))


@dataclass(frozen=True)
class ReportForms:
    """A finished report in its four forms; each is made only when it is asked for.

    page: from the description of the images, the model's title and its notice. save_picture: to a file.
    """

    json: Callable[[], str]
    show: Callable[[], None]
    page: Callable[[str, str, str], str]
    save_picture: Callable[[Path], None] = lambda _: None


@dataclass(frozen=True)
class ReportInput:
    """What is measured: which model of which registry, on which images. marker: of generated images."""

    folder: Path | None
    model: str | None
    registry: Path | None
    images: int
    marker: float = 0.0


Measure = Callable[["Classifier", ImageSource, CountDone], ReportForms]


def run_report(given: ReportInput, delivery: Delivery, title: str, measure: Measure, passes: int = 1) -> None:
    """Measure and deliver. title: of the progress bar. passes: how often `measure` goes over all images."""
    delivery.check()
    classifier = load_model(given.model, given.registry)
    source = image_source(given.folder, classifier.entry, given.images, given.marker)
    with progress_bar(title, passes * source.count) as count_done:
        forms = measure(classifier, source, count_done)
    deliver(forms, delivery, source.description, classifier.title, classifier.entry.card.notice)


def deliver(forms: ReportForms, delivery: Delivery, source: str, model: str, notice: str) -> None:
    """Print and write the forms that were asked for."""
    if delivery.picture:
        forms.save_picture(delivery.picture)
    if delivery.as_json:
        typer.echo(forms.json())
    else:
        forms.show()
    if delivery.html:
        write_page(forms.page(source, model, notice), delivery.html, delivery.as_json)


def counted(images: Iterable[Image], count_done: CountDone) -> Iterator[Image]:
    """The same images, each counted once it is done with."""
    for image in images:
        yield image
        count_done(1)
