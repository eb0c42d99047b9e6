"""The labelled images that a command measures a model on: a folder, or generated ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import TrainingError

if TYPE_CHECKING:
    from service.models.entry import Entry
    from service.runtime.batch_inference import LabelledImage
    from service.training.render import Recipe

FIRST_SEED = 3_000_000
"""Of generated images that no shipped model has learned from."""


@dataclass(frozen=True)
class ImageSource:
    """description: what the images are, in words. start: gives them, in the same order at each call."""

    description: str
    count: int
    start: Callable[[], Iterator[LabelledImage]]


def image_source(folder: Path | None, entry: Entry, images: int, marker: float = 0.0) -> ImageSource:
    """The images of a folder, or `images` generated ones of the classes that the model was made for.

    Raises TrainingError for a folder without images, and for a model that does not know the generated classes.
    """
    from service.training import labelled_images

    if folder is not None:
        count = len(labelled_images.files(folder))
        if not count:
            raise TrainingError(f"{folder} has no images; put them into one subfolder per class")
        return ImageSource(f"the folder {folder.name}", count, lambda: labelled_images.folder(folder))
    recipe = generated_recipe(entry, images, marker)
    if not set(recipe.labels) <= set(entry.labels):
        raise TrainingError(
            f"model {entry.name!r} does not know the classes of generated images; name a folder of images"
        )
    marked = f", {marker:.0%} of those with glaucoma marked in the corner" if marker else ""
    description = f"generated fundus images, SYNTHETIC{marked}"
    return ImageSource(description, images, lambda: labelled_images.generated(recipe))


def generated_recipe(entry: Entry, images: int, marker: float) -> Recipe:
    """The generated images that fit a model: two classes or five."""
    from service.training.render import Recipe

    return Recipe("five" if len(entry.labels) > 2 else "binary", FIRST_SEED, images, marker)
