"""Splits are decided before decoding: stratified, by patient, and refused in words where a class has too little."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from service.errors import BadParameter, TrainingError
from service.training.splitting import FOLDS, SPLITS, LabelledFile, labelled_files, split


def write(root: Path, counts: Mapping[str, int], name: str = "{label}-{number}.png") -> Path:
    """Files that are no images: nothing here may decode them."""
    for label, count in counts.items():
        (root / label).mkdir(parents=True)
        for number in range(count):
            (root / label / name.format(label=label, number=number)).write_text(f"{label} {number}")
    return root


def of(root: Path, patient: str | None = None, seed: int = 0) -> dict[str, list[LabelledFile]]:
    labels, files = labelled_files(root, patient)
    return split(labels, files, seed)


def test_three_classes_of_twenty_are_split_in_proportion(tmp_path: Path) -> None:
    found = of(write(tmp_path, {"a": 20, "b": 20, "c": 20}))
    assert list(found) == list(SPLITS)
    assert sum(map(len, found.values())) == 60
    assert len({file.path for files in found.values() for file in files}) == 60
    for files in found.values():
        counts = np.bincount([file.label for file in files], minlength=3)
        assert counts.max() - counts.min() <= 1
    assert 40 <= len(found["train"]) <= 45


@pytest.mark.parametrize("counts", [{"few": FOLDS, "many": 300}, {"a": 11, "b": 50, "c": FOLDS}])
def test_every_class_is_in_every_split(tmp_path: Path, counts: dict[str, int]) -> None:
    for files in of(write(tmp_path, counts)).values():
        assert {file.label for file in files} == set(range(len(counts)))


def test_the_same_seed_gives_the_same_split_and_another_seed_another(tmp_path: Path) -> None:
    write(tmp_path, {"a": 30, "b": 30})
    assert of(tmp_path) == of(tmp_path)
    assert of(tmp_path)["test"] != of(tmp_path, seed=100)["test"]


def test_no_patient_is_in_two_splits(tmp_path: Path) -> None:
    """Of both classes, and of very different numbers of images."""
    random = np.random.default_rng(0)
    for label in ("ill", "well"):
        (tmp_path / label).mkdir()
        for patient in range(25):
            for visit in range(int(random.integers(1, 9))):
                (tmp_path / label / f"p{patient}_{visit}.png").write_text(f"{label} {patient} {visit}")
    found = of(tmp_path, r"(p\d+)_")
    patients = [{file.path.name.split("_")[0] for file in files} for files in found.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 25


def test_copies_of_one_image_are_in_one_split(tmp_path: Path) -> None:
    write(tmp_path, {"a": 40, "b": 40})
    for number in range(20):
        (tmp_path / "a" / f"copy-{number}.png").write_text(f"a {number}")
    found = of(tmp_path)
    contents = [{file.path.read_text() for file in files} for files in found.values()]
    assert sum(map(len, contents)) == len(set.union(*contents)) == 80


def test_what_is_hidden_or_a_mask_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"a": 8, "b": 8, ".cache": 3})
    (tmp_path / "a" / ".hidden.png").write_text("x")
    (tmp_path / "a" / "a-0.disc.mask.png").write_text("y")
    labels, files = labelled_files(tmp_path, None)
    assert labels == ("a", "b")
    assert len(files) == 16


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({"a": 20}, "at least two; it has 1"),
        ({"a": 20, "rare": FOLDS - 1}, "class 'rare' has 6 images, too few .* Add images to 'rare'"),
        ({"a": 20, "none": 0}, "class 'none' has 0 images"),
    ],
)
def test_a_class_with_too_few_images_is_named_with_what_to_do(
    tmp_path: Path, counts: dict[str, int], says: str
) -> None:
    with pytest.raises(TrainingError, match=says):
        of(write(tmp_path, counts))


def test_a_class_with_too_few_patients_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a": 30}, "p{number}_0.png")
    write(tmp_path, {"b": 30}, "q1_{number}.png")
    with pytest.raises(TrainingError, match="class 'b' has 30 images of 1 different patients"):
        of(tmp_path, r"([pq]\d+)_")


def test_patients_that_no_split_can_share_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no shuffle gives a class to every split; scikit-learn finds one in nearly every case."""
    files = [LabelledFile(Path(f"a{n}"), 0, f"a{n}") for n in range(50)]
    files += [LabelledFile(Path(f"b{n}"), 1, f"p{max(0, n - 13)}") for n in range(20)]
    assert all({file.label for file in found} == {0, 1} for found in split(("a", "b"), files, 0).values())
    without = {name: np.arange(3) for name in SPLITS}
    monkeypatch.setattr("service.training.splitting._split", lambda *_: without)
    with pytest.raises(TrainingError, match=r"class 'b' cannot be divided .* one patient has 70% of them"):
        split(("a", "b"), files, 0)


def test_one_image_in_two_classes_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a": 10, "b": 10})
    (tmp_path / "b" / "b-3.png").write_text("a 3")
    with pytest.raises(TrainingError, match="are the same image in two classes"):
        of(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [("p(", "no regular expression"), (r"p\d+", "needs a group"), (r"x(\d+)", "finds no patient in the file name")],
)
def test_a_pattern_that_names_no_patient_is_refused(tmp_path: Path, pattern: str, says: str) -> None:
    with pytest.raises(BadParameter, match=says):
        of(write(tmp_path, {"a": 10, "b": 10}), pattern)
