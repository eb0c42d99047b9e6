"""Which images a model learns from, is calibrated on and is tested on: decided from names and bytes, before decoding.

scikit-learn's StratifiedGroupKFold keeps the classes in proportion, and all images of one patient in one split.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.errors import BadParameter, TrainingError
from service.training.labelled_images import MASK

SPLITS = ("train", "validation", "test")
FOLDS = 7
"""Of equal size: one to test on, one to calibrate on, five to learn from."""

TRIES = 20
"""Shuffles tried until every class is in every split; where patients differ much in size, one alone may not do it."""


@dataclass(frozen=True)
class LabelledFile:
    """One image of a folder. label: index of its class. group: files of one group fall into one split."""

    path: Path
    label: int
    group: str


def labelled_files(root: Path, patient: str | None) -> tuple[tuple[str, ...], list[LabelledFile]]:
    """The classes of a folder with one subfolder per class, and its files; hidden files and masks are left out.

    patient: a regular expression whose first group names the patient in a file name. Without it every file is its own
    group. Files with the same bytes are of one group as well. Raises BadParameter for a pattern that names no patient,
    TrainingError for fewer than two classes and for the same bytes in two classes.
    """
    labels = tuple(sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if len(labels) < 2:
        raise TrainingError(f"{root} needs one subfolder per class, at least two; it has {len(labels)}")
    pattern = _pattern(patient)
    found = [
        LabelledFile(path, label, _patient(path, root, pattern))
        for label, name in enumerate(labels)
        for path in sorted((root / name).rglob("*"))
        if path.is_file() and not path.name.endswith(MASK) and not _hidden(path.relative_to(root))
    ]
    return labels, _merged(found)


def split(labels: Sequence[str], files: Sequence[LabelledFile], seed: int) -> dict[str, list[LabelledFile]]:
    """The files of each split of `SPLITS`; the same files and seed give the same split.

    Raises TrainingError that names the class that has too few images or patients, and what to do.
    """
    classes = np.array([file.label for file in files], np.int64)
    groups = np.array([file.group for file in files])
    _check_counts(labels, classes, groups)
    for one in range(seed, seed + TRIES):
        chosen = _split(classes, groups, one)
        if all(len(set(classes[indexes])) == len(labels) for indexes in chosen.values()):
            return {name: [files[index] for index in indexes] for name, indexes in chosen.items()}
    raise TrainingError(_unsplittable(labels, classes, groups))


def _split(classes: NDArray[np.int64], groups: NDArray[np.str_], seed: int) -> dict[str, NDArray[np.int64]]:
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415  a second to import

    folder = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    folds = [held_out for _, held_out in folder.split(classes, classes, groups)]
    return {"train": np.sort(np.concatenate(folds[2:])), "validation": folds[1], "test": folds[0]}


def _check_counts(labels: Sequence[str], classes: NDArray[np.int64], groups: NDArray[np.str_]) -> None:
    for index, label in enumerate(labels):
        images, patients = int((classes == index).sum()), len(set(groups[classes == index]))
        if patients < FOLDS:
            of = "" if patients == images else f" of {patients} different patients or contents"
            raise TrainingError(
                f"class {label!r} has {images} images{of}, too few to learn from, calibrate on and test on: at least"
                f" {FOLDS} different ones are needed. Add images to {label!r}, merge it with another class, or move it"
                " out of the folder"
            )


def _unsplittable(labels: Sequence[str], classes: NDArray[np.int64], groups: NDArray[np.str_]) -> str:
    """What is wrong where no shuffle gives every split every class."""
    largest = {index: max(_sizes(groups[classes == index])) / (classes == index).sum() for index in range(len(labels))}
    index = max(largest, key=lambda one: largest[one])
    return (
        f"the patients of class {labels[index]!r} cannot be divided so that every split has some of its images: one"
        f" patient has {largest[index]:.0%} of them. Add images of other patients to this class"
    )


def _sizes(groups: NDArray[np.str_]) -> list[int]:
    return list(map(int, np.unique(groups, return_counts=True)[1]))


def _merged(files: list[LabelledFile]) -> list[LabelledFile]:
    """The same files, those with the same bytes (and with them their patients) in one group."""
    first: dict[str, LabelledFile] = {}
    parents: dict[str, str] = {}

    def root_of(group: str) -> str:
        while group in parents:
            group = parents[group]
        return group

    for file in files:
        known = first.setdefault(hashlib.sha256(file.path.read_bytes()).hexdigest(), file)
        if known.label != file.label:
            raise TrainingError(f"{known.path} and {file.path} are the same image in two classes; remove one of them")
        mine, theirs = root_of(file.group), root_of(known.group)
        if mine != theirs:
            parents[mine] = theirs
    return [LabelledFile(file.path, file.label, root_of(file.group)) for file in files]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _pattern(patient: str | None) -> re.Pattern[str] | None:
    if patient is None:
        return None
    try:
        pattern = re.compile(patient)
    except re.error as error:
        raise BadParameter(f"--patient {patient!r} is no regular expression: {error}") from None
    if not pattern.groups:
        raise BadParameter(f"--patient {patient!r} needs a group in brackets, such as '(p[0-9]+)_', for the patient")
    return pattern


def _patient(path: Path, root: Path, pattern: re.Pattern[str] | None) -> str:
    if pattern is None:
        return path.relative_to(root).as_posix()
    found = pattern.search(path.name)
    if found is None or not found.group(1):
        raise BadParameter(f"--patient {pattern.pattern!r} finds no patient in the file name {path.name}")
    return found.group(1)
