"""What is learned from: generated eyes, or a folder with one subfolder a class."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from service.errors import FoveaError, TrainingError
from service.images.decode import Limits, decode
from service.images.frame import Frame
from service.models.classifier import Classifier
from service.training.render import FRAME, Progress, Recipe, Rendered, render

SPLITS = ("train", "validation", "test")
FIRST_SEED = {"train": 1_000_000, "validation": 2_000_000, "test": 3_000_000}
"""Seeds of the generated photographs; the splits never share an eye."""

SHARES = {"train": 0.70, "validation": 0.15, "test": 0.15}
BATCH = 32


@dataclass(frozen=True)
class Material:
    """Three splits of framed images. recipes: how the generated ones were made, none for a folder."""

    labels: tuple[str, ...]
    frame: Frame
    splits: dict[str, Rendered]
    recipes: dict[str, Recipe]


def generated(kind: str, counts: dict[str, int], marker: float, cache: Path, workers: int, tick: Progress) -> Material:
    """Generated eyes. kind: five or binary. counts: images a split. tick: called with how many more are rendered."""
    recipes = {split: Recipe(kind, FIRST_SEED[split], counts[split], marker) for split in SPLITS}
    splits = {split: render(recipes[split], cache, workers, tick) for split in SPLITS}
    return Material(recipes["train"].labels, FRAME, splits, recipes)


def folder(root: Path, frame: Frame, patient: str | None, tick: Progress = lambda _: None) -> Material:
    """A folder with one subfolder of images a class.

    patient: a regular expression whose first group names the patient in a file name; one patient's images all fall in
    one split. Without it every file is its own patient. Raises TrainingError where there is nothing to learn from, or
    names the file that cannot be read.
    """
    labels = tuple(sorted(path.name for path in root.iterdir() if path.is_dir()))
    if len(labels) < 2:
        raise TrainingError(f"{root} needs one subfolder of images a class, at least two; it has {len(labels)}")
    pixels: dict[str, list[NDArray[np.uint8]]] = {split: [] for split in SPLITS}
    classes: dict[str, list[int]] = {split: [] for split in SPLITS}
    for index, path in _files(root, labels):
        split = _split(_patient(path, patient))
        try:
            upright = decode(path.read_bytes(), Limits())
        except FoveaError as error:
            raise TrainingError(f"{path}: {error}") from error
        pixels[split].append(frame.apply(upright.pixels, upright.width, upright.height)[0])
        classes[split].append(index)
        tick(1)
    thin = [split for split in SPLITS if len(set(classes[split])) < len(labels)]
    if thin:
        raise TrainingError(f"{root}: too few images, a class has none in {', '.join(thin)}")
    splits = {s: Rendered(np.stack(pixels[s]), np.array(classes[s], np.int64)) for s in SPLITS}
    return Material(labels, frame, splits, {})


def _files(root: Path, labels: tuple[str, ...]) -> Iterator[tuple[int, Path]]:
    for index, label in enumerate(labels):
        for path in sorted((root / label).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield index, path


def _patient(path: Path, pattern: str | None) -> str:
    found = re.search(pattern, path.name) if pattern else None
    return found.group(1) if found and found.groups() else path.name


def _split(patient: str) -> str:
    """The same patient always falls in the same split, whatever else is in the folder."""
    place = int(hashlib.sha256(patient.encode()).hexdigest()[:8], 16) / 2**32
    if place < SHARES["train"]:
        return "train"
    return "validation" if place < SHARES["train"] + SHARES["validation"] else "test"


def feature_maps(classifier: Classifier, pixels: NDArray[np.uint8]) -> Tensor:
    """A [N, C, h, w] of framed images uint8 [N, H, W, 3] at the classifier's default layer."""
    return classifier.engine.features(torch.from_numpy(np.array(pixels)), classifier.cut)


@torch.no_grad()
def logits(classifier: Classifier, images: Rendered, tick: Progress = lambda _: None) -> NDArray[np.float64]:
    """Logits [N, K] of all images, through the engine that will serve them."""
    head, parts = classifier.head(classifier.cut), []
    for start in range(0, len(images.classes), BATCH):
        A = feature_maps(classifier, images.pixels[start : start + BATCH])
        parts.append(head(A).double().numpy())
        tick(len(A))
    return np.concatenate(parts)
