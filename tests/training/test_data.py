"""Folders with a subfolder a class, and generated eyes: no patient and no eye in two splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.errors import TrainingError
from service.images.frame import Frame
from service.training.data import FIRST_SEED, SPLITS, folder, generated
from service.training.render import FRAME, RENDERED, Recipe, render

SMALL = Frame(resize=16, crop=16)


def fill(root: Path, patients: int = 40) -> None:
    random = np.random.default_rng(0)
    for label in ("ill", "well"):
        (root / label).mkdir(parents=True)
        for patient in range(patients):
            for visit in range(2):
                pixels = random.integers(0, 256, (20, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / label / f"p{patient}_v{visit}.png")


def test_one_patient_is_in_one_split(tmp_path: Path) -> None:
    fill(tmp_path)
    seen: list[int] = []
    material = folder(tmp_path, SMALL, r"(p\d+)_", seen.append)
    assert material.labels == ("ill", "well")
    assert sum(len(split.classes) for split in material.splits.values()) == 160 == sum(seen)
    assert all(len(split.classes) % 2 == 0 for split in material.splits.values())
    assert all(split.pixels.shape[1:] == (16, 16, 3) for split in material.splits.values())


def test_splits_do_not_depend_on_what_else_is_there(tmp_path: Path) -> None:
    fill(tmp_path, 30)
    before = folder(tmp_path, SMALL, None).splits["test"].pixels
    for file in (tmp_path / "ill").glob("p29_*"):
        file.unlink()
    after = folder(tmp_path, SMALL, None).splits["test"].pixels
    assert {x.tobytes() for x in after} <= {x.tobytes() for x in before}


def test_what_cannot_be_learned_from_is_named(tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    with pytest.raises(TrainingError, match="at least two; it has 1"):
        folder(tmp_path, SMALL, None)
    fill(tmp_path / "more")
    (tmp_path / "more" / "ill" / "p7_v0.png").write_bytes(b"no image")
    with pytest.raises(TrainingError, match="p7_v0"):
        folder(tmp_path / "more", SMALL, None)


def test_generated_splits_share_no_seed_and_are_rendered_once(tmp_path: Path) -> None:
    counts = {"train": 6, "validation": 4, "test": 4}
    ticks: list[int] = []
    material = generated("binary", counts, 0.0, tmp_path, 2, ticks.append)
    assert sum(ticks) == 14
    assert [len(material.splits[split].classes) for split in SPLITS] == [6, 4, 4]
    ranges = [range(FIRST_SEED[split], FIRST_SEED[split] + 100_000) for split in SPLITS]
    assert all(not set(a) & set(b) for a in ranges for b in ranges if a is not b)
    files = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npy")}
    again = generated("binary", counts, 0.0, tmp_path, 2, ticks.append)
    assert files == {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npy")}
    np.testing.assert_array_equal(again.splits["test"].pixels, material.splits["test"].pixels)


def test_a_rendered_photograph_is_the_generators_own(tmp_path: Path) -> None:
    recipe = Recipe("five", 77, 3)
    rendered = render(recipe, tmp_path, 1)
    for index in range(3):
        photograph = recipe.photograph(77 + index)
        np.testing.assert_array_equal(rendered.pixels[index], FRAME.apply(photograph.pixels, RENDERED, RENDERED)[0])
        assert recipe.labels[rendered.classes[index]] == photograph.label


def test_another_recipe_has_another_digest() -> None:
    recipes = [Recipe("five", 1, 2), Recipe("binary", 1, 2), Recipe("five", 2, 2), Recipe("five", 1, 2, 0.9)]
    assert len({recipe.digest for recipe in recipes}) == 4
