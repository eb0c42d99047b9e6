"""Generated photographs, rendered once by all cores and kept on disk until the generator changes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.images.frame import Frame
from service.training import fundus
from service.training.fundus import BINARY, CLASSES, Photograph

RENDERED = 256
"""Side of a photograph before it is framed, in pixels: its round field is then about as wide as the framed 224."""

FRAME = Frame(field_of_view=True, resize=224, crop=224)
"""How generated photographs are framed, which is how the service frames a real one."""

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Recipe:
    """Which photographs to render. kind: `five` (the classes of CLASSES) or `binary` (normal and glaucoma).

    count photographs from the seeds first, first + 1, ...; marker: strength of the biased variant, 0 to 1.
    """

    kind: str
    first: int
    count: int
    marker: float = 0.0

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of the indexes."""
        return CLASSES if self.kind == "five" else BINARY

    def photograph(self, seed: int) -> Photograph:
        """One photograph with its masks, RENDERED pixels wide."""
        if self.kind == "five":
            return fundus.generate(seed, size=RENDERED, marker=self.marker)
        return fundus.binary(seed, RENDERED, self.marker)

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with the recipe, the frame and the generator's own source."""
        told = hashlib.sha256(json.dumps([vars(self), FRAME.digest]).encode())
        folder = Path(fundus.__file__).parent
        for source in sorted([folder / "fundus.py", *(folder / "retina").glob("*.py")]):
            told.update(source.read_bytes())
        return told.hexdigest()[:12]


@dataclass(frozen=True)
class Rendered:
    """pixels uint8 [n, 224, 224, 3], mapped from disk; classes int64 [n]."""

    pixels: NDArray[np.uint8]
    classes: NDArray[np.int64]


def render(recipe: Recipe, cache: Path, workers: int, progress: Progress = lambda _: None) -> Rendered:
    """The photographs of a recipe, from the cache or painted now by `workers` processes.

    progress: called with the number of photographs finished since the last call.
    """
    folder = cache / f"{recipe.kind}-{recipe.first}-{recipe.count}-{recipe.digest}"
    pixels_file, classes_file = folder / "pixels.npy", folder / "classes.npy"
    if classes_file.exists():
        progress(recipe.count)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        _paint_all(recipe, pixels_file, classes_file, workers, progress)
    return Rendered(np.load(pixels_file, mmap_mode="r"), np.load(classes_file))


def _paint_all(recipe: Recipe, pixels_file: Path, classes_file: Path, workers: int, progress: Progress) -> None:
    shape = (recipe.count, FRAME.crop, FRAME.crop, 3)
    pixels = np.lib.format.open_memmap(pixels_file, mode="w+", dtype=np.uint8, shape=shape)
    classes = np.zeros(recipe.count, np.int64)
    jobs = ((recipe, index) for index in range(recipe.count))
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for index, x, label in pool.imap_unordered(_paint, jobs, chunksize=16):
            pixels[index], classes[index] = x, label
            progress(1)
    pixels.flush()
    draft = classes_file.with_suffix(".part.npy")  # written last: it says that the pixels are whole
    np.save(draft, classes)
    draft.replace(classes_file)


def _paint(job: tuple[Recipe, int]) -> tuple[int, NDArray[np.uint8], int]:
    recipe, index = job
    photograph = recipe.photograph(recipe.first + index)
    x, _ = FRAME.apply(photograph.pixels, RENDERED, RENDERED)
    return index, x, recipe.labels.index(photograph.label)
