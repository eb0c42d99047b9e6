"""Labelled images with the truth about them: generated eyes, or a folder of the user's own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.errors import FoveaError, TrainingError
from service.images.coverage import inside
from service.images.decode import Limits, decode
from service.runtime.batch_inference import LabelledImage
from service.training.render import Recipe

TRUTH = "truth"
"""The mask of what a map should find, from boxes.csv or NAME.mask.png."""

MASK = ".mask.png"


def generated(recipe: Recipe) -> Iterator[LabelledImage]:
    """The recipe's photographs, with a mask of every part that was drawn."""
    for seed in range(recipe.first, recipe.first + recipe.count):
        photograph = recipe.photograph(seed)
        yield LabelledImage(f"{recipe.kind}-{seed}", photograph.label, photograph.pixels, photograph.masks)


def files(root: Path) -> list[Path]:
    """The images below `root`, one subfolder per class, without masks and hidden files."""
    found = (path for path in sorted(root.glob("*/*")) if path.is_file() and not path.name.endswith(MASK))
    return [path for path in found if not (path.name.startswith(".") or path.parent.name.startswith("."))]


def has_masks(root: Path) -> bool:
    """Whether images below `root` have masks beside them, or boxes; no file is read."""
    return (root / "boxes.csv").exists() or any(root.glob(f"*/*{MASK}"))


def folder(root: Path) -> Iterator[LabelledImage]:
    """A folder with one subfolder per class; truth in `boxes.csv` or in masks.

    boxes.csv lies in `root` with the columns file (relative to it), left, top, right, bottom, in pixels of the upright
    image, and several lines for several boxes. Masks lie beside their image, white what they mark: NAME.mask.png what
    to find (`TRUTH`), NAME.CONCEPT.mask.png anything else. Raises TrainingError where an image cannot be read, or none
    is there.
    """
    marked, paths = _boxes(root / "boxes.csv"), files(root)
    if not paths:
        raise TrainingError(f"{root} has no images; put them into one subfolder per class")
    for path in paths:
        pixels = _pixels(path)
        masks = {name: _mask(beside, pixels.shape[:2]) for name, beside in _beside(path)}
        for left, top, right, bottom in marked.get(path.relative_to(root).as_posix(), ()):
            masks.setdefault(TRUTH, np.zeros(pixels.shape[:2], bool))
            masks[TRUTH][round(top) : round(bottom), round(left) : round(right)] = True
        yield LabelledImage(path.relative_to(root).as_posix(), path.parent.name, pixels, masks)


def _beside(path: Path) -> Iterator[tuple[str, Path]]:
    """The masks of an image, by what they mark."""
    for beside in sorted(path.parent.iterdir()):
        if beside.name.startswith(f"{path.stem}.") and beside.name.endswith(MASK):
            concept = beside.name.removeprefix(path.stem).removesuffix(MASK).strip(".")
            yield concept or TRUTH, beside


def mask_of(path: Path, concept: str) -> Path:
    """The file of an image's mask. Raises TrainingError that says which there are."""
    beside = path.with_name(path.stem + ("" if concept == TRUTH else f".{concept}") + MASK)
    if not beside.is_file():
        known = ", ".join(name for name, _ in _beside(path)) or "none"
        raise TrainingError(f"{path} has no mask {concept!r}, which would be {beside.name} beside it; it has {known}")
    return beside


def _boxes(path: Path) -> dict[str, list[tuple[float, ...]]]:
    if not path.exists():
        return {}
    marked: dict[str, list[tuple[float, ...]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            for line in csv.DictReader(lines):
                edges = tuple(float(line[name]) for name in ("left", "top", "right", "bottom"))
                marked.setdefault(line["file"], []).append(edges)
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} must have the columns file, left, top, right, bottom: {error}") from error
    return marked


def _pixels(path: Path) -> NDArray[np.uint8]:
    try:
        return decode(path.read_bytes(), Limits()).pixels
    except FoveaError as error:
        raise TrainingError(f"{path}: {error}") from error


def _mask(path: Path, size: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = inside(_pixels(path))
    if mask.shape != size:
        raise TrainingError(f"{path} is {mask.shape[1]} × {mask.shape[0]}, its image {size[1]} × {size[0]}")
    return mask
