"""What is learned from: generated images, or a folder with one subfolder per class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
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
from service.training.splitting import SPLITS, LabelledFile, labelled_files, split

FIRST_SEED = {"train": 1_000_000, "validation": 2_000_000, "test": 3_000_000}
"""Seeds of the generated photographs; no image is in two splits."""

BATCH = 32

OpenBar = Callable[[int], AbstractContextManager[Progress]]
"""From a number of images to a progress bar over them, which gives what counts more of them as done."""


@contextmanager
def no_bar(total: int) -> Iterator[Progress]:
    """Shows nothing."""
    del total
    yield lambda _: None


@dataclass(frozen=True)
class Material:
    """Three splits of framed images. recipes: how the generated ones were made, none for a folder."""

    labels: tuple[str, ...]
    frame: Frame
    splits: dict[str, Rendered]
    recipes: dict[str, Recipe]


def generated(kind: str, counts: dict[str, int], marker: float, cache: Path, workers: int, tick: Progress) -> Material:
    """Generated images. kind: five or binary. counts: images per split. tick: counts more as rendered."""
    recipes = {split: Recipe(kind, FIRST_SEED[split], counts[split], marker) for split in SPLITS}
    splits = {split: render(recipes[split], cache, workers, tick) for split in SPLITS}
    return Material(recipes["train"].labels, FRAME, splits, recipes)


def folder(
    root: Path, frame: Frame, patient: str | None, seed: int = 0, batch_size: int = 1, open_bar: OpenBar = no_bar
) -> Material:
    """A folder with one subfolder per class, split by `splitting.split` before any image is decoded.

    patient: see `labelled_files`. batch_size: of training, which needs at least one batch. open_bar: shows progress.
    Raises TrainingError where there is too little to learn from, or names the file that cannot be read; BadParameter.
    """
    labels, files = labelled_files(root, patient)
    chosen = split(labels, files, seed)
    check_batch(len(chosen["train"]), batch_size)
    with open_bar(len(files)) as count_done:
        splits = {name: _rendered(chosen[name], frame, count_done) for name in SPLITS}
    return Material(labels, frame, splits, {})


def check_batch(images: int, batch_size: int) -> None:
    """Raise TrainingError where the images to learn from do not fill one batch."""
    if images < batch_size:
        raise TrainingError(
            f"{images} images to learn from are fewer than one batch of {batch_size}; use --batch-size {images} or less"
        )


def _rendered(files: Sequence[LabelledFile], frame: Frame, count_done: Progress) -> Rendered:
    pixels = []
    for file in files:
        try:
            upright = decode(file.path.read_bytes(), Limits())
        except FoveaError as error:
            raise TrainingError(f"{file.path}: {error}") from error
        pixels.append(frame.apply(upright.pixels, upright.width, upright.height)[0])
        count_done(1)
    return Rendered(np.stack(pixels), np.array([file.label for file in files], np.int64))


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
