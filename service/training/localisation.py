"""How well a classifier's maps find what they should: the tables of weakly supervised localisation.

The rules are those of ILSVRC as Zhou 2016 and Selvaraju 2017 report them: the box of the largest connected region above
the method's threshold counts as a hit where it overlaps the true box by half or more (intersection over union), and
only if the class is right as well.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from service.errors import FoveaError, TrainingError
from service.explain.boxes import boxes, overlap
from service.explain.method import Method
from service.images.decode import Limits, decode
from service.images.frame import Geometry
from service.images.picture import upsample
from service.images.workers import Prepared
from service.models.classifier import Classifier
from service.models.scores import direction, probabilities
from service.runtime.look import Look, Wanted, maps
from service.training.render import Recipe

HALF = 0.5
REASONS = {
    "glaucoma": ("disc",),
    "retinopathy": ("microaneurysms", "haemorrhages", "exudates"),
    "macular_degeneration": ("drusen",),
    "disc_swelling": ("disc", "swelling"),
}
"""The drawn parts that make a class what it is; a normal eye has none, and is not asked for."""


@dataclass(frozen=True)
class Case:
    """One image with its truth. pixels: uint8 [h, w, 3]. mask: bool [h, w], what the map should find."""

    pixels: NDArray[np.uint8]
    label: str
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """One line of the table. Errors, hits and energy are fractions of all images, 0 to 1.

    class_1, class_5: classification error of the likeliest class, of the five likeliest. place_1, place_5: the same
    with the box wrong counted as an error. pointing: the map's maximum lies in the mask. energy: the map's positive
    mass inside the mask.
    """

    model: str
    method: str
    images: int
    class_1: float
    class_5: float
    place_1: float
    place_5: float
    pointing: float
    energy: float


def generated(recipe: Recipe) -> Iterator[Case]:
    """The recipe's photographs that have something to find."""
    for seed in range(recipe.first, recipe.first + recipe.count):
        photograph = recipe.photograph(seed)
        found = [photograph.masks[name] for name in REASONS.get(photograph.label, ())]
        if found and np.any(found):
            yield Case(photograph.pixels, photograph.label, np.any(found, axis=0))


def folder(root: Path) -> Iterator[Case]:
    """One subfolder of images a class; truth in `boxes.csv` or in masks.

    boxes.csv lies in `root` with the columns file (relative to it), left, top, right, bottom, in pixels of the upright
    image, and several lines for several boxes. A mask lies beside its image as NAME.mask.png, what to find in white.
    Raises TrainingError where an image cannot be read, or nothing has any truth.
    """
    marked, count = _boxes(root / "boxes.csv"), 0
    for path in sorted(root.glob("*/*")):
        if path.name.startswith(".") or path.name.endswith(".mask.png") or not path.is_file():
            continue
        pixels = _pixels(path)
        beside = path.with_name(f"{path.stem}.mask.png")
        mask = np.zeros(pixels.shape[:2], bool)
        if beside.exists():
            mask |= _same_size(_pixels(beside)[..., 0] > 127, mask, beside)
        for left, top, right, bottom in marked.get(path.relative_to(root).as_posix(), ()):
            mask[round(top) : round(bottom), round(left) : round(right)] = True
        if mask.any():
            count += 1
            yield Case(pixels, path.parent.name, mask)
    if not count:
        raise TrainingError(f"{root} has no image with a mask NAME.mask.png beside it or a line in boxes.csv")


def localise(classifier: Classifier, methods: Iterable[Method], cases: Iterable[Case]) -> list[Score]:
    """One score a method. Raises TrainingError for a label that the model does not know, or where there is no case."""
    methods, found = list(methods), []
    for case in cases:
        if case.label not in classifier.entry.labels:
            known = ", ".join(classifier.entry.labels[:10])
            raise TrainingError(f"model {classifier.entry.name!r} knows no class {case.label!r}; it knows {known}")
        found.append([_one(classifier, method, case) for method in methods])
    if not found:
        raise TrainingError("there is no image to localise anything in")
    means = np.mean(found, axis=0)
    return [
        Score(classifier.entry.name, method.name, len(found), *map(float, row))
        for method, row in zip(methods, means, strict=True)
    ]


def _one(classifier: Classifier, method: Method, case: Case) -> tuple[float, ...]:
    """The six figures of one image, in the order of `Score`."""
    entry = classifier.entry
    x, geometry = entry.frame.apply(case.pixels, case.pixels.shape[1], case.pixels.shape[0])
    A = classifier.engine.features(torch.from_numpy(x[None]), classifier.cut)
    look = Look(classifier, Prepared("", "", (), x, geometry, None, {}), classifier.cut, A)
    with torch.no_grad():
        chances = probabilities(classifier.head(classifier.cut)(A)[0], entry)
    index = entry.labels.index(case.label)
    rank = int((chances > chances[index]).sum())
    target = direction(index, entry)[None]
    grid = maps(look, Wanted(method, target, method.parameters().model_dump(), float("inf"))).grids[0]
    heat = np.maximum(upsample(grid, geometry.size), 0)
    mask = framed(case.mask, geometry)
    hit = _hits(heat, mask, method.box_threshold)
    pointed = bool(heat.max() > 0 and mask.ravel()[heat.argmax()])
    energy = float(heat[mask].sum() / heat.sum()) if heat.sum() > 0 else 0.0
    return rank > 0, rank > 4, not (rank == 0 and hit), not (rank <= 4 and hit), pointed, energy


def _hits(heat: NDArray[np.float32], mask: NDArray[np.bool_], threshold: float) -> bool:
    found = boxes(heat, threshold)
    if not found or not mask.any():
        return False
    rows, columns = np.nonzero(mask)
    truth = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    best = found[0]
    return overlap((best.left, best.top, best.right, best.bottom), truth) >= HALF


def framed(mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.bool_]:
    """A mask of the original [h, w] where the model sees it, [size, size]."""
    centres = np.arange(geometry.size) + 0.5
    left, top = geometry.to_original(0.0, 0.0)
    right, bottom = geometry.to_original(float(geometry.size), float(geometry.size))
    columns = (left + centres * (right - left) / geometry.size).astype(int).clip(0, mask.shape[1] - 1)
    rows = (top + centres * (bottom - top) / geometry.size).astype(int).clip(0, mask.shape[0] - 1)
    seen: NDArray[np.bool_] = mask[np.ix_(rows, columns)]
    return seen


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


def _same_size(mask: NDArray[np.bool_], like: NDArray[np.bool_], path: Path) -> NDArray[np.bool_]:
    if mask.shape != like.shape:
        raise TrainingError(f"{path} is {mask.shape[1]} × {mask.shape[0]}, its image {like.shape[1]} × {like.shape[0]}")
    return mask
