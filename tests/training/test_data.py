"""Folders with a subfolder a class, and generated eyes: no patient and no eye in two splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.errors import TrainingError
from service.images.frame import Frame
from service.training.data import FIRST_SEED, folder, generated
from service.training.render import FRAME, RENDERED, Recipe, render
from service.training.splitting import SPLITS

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
    material = folder(tmp_path, SMALL, r"(p\d+)_")
    assert material.labels == ("ill", "well")
    assert sum(len(split.classes) for split in material.splits.values()) == 160
    assert all(len(split.classes) % 4 == 0 for split in material.splits.values())  # two visits, in both classes
    assert all(split.pixels.shape[1:] == (16, 16, 3) for split in material.splits.values())


def test_progress_has_a_total_and_nothing_is_decoded_before_the_split(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "rare").mkdir()
    (tmp_path / "rare" / "p1_0.png").write_bytes(b"no image")
    totals = list[int]()

    @contextmanager
    def open_bar(total: int) -> Iterator[Callable[[int], None]]:
        totals.append(total)
        yield lambda _: None

    with pytest.raises(TrainingError, match="class 'rare' has 1 images, too few"):
        folder(tmp_path, SMALL, None, open_bar=open_bar)
    (tmp_path / "rare" / "p1_0.png").unlink()
    (tmp_path / "rare").rmdir()
    with pytest.raises(TrainingError, match="fewer than one batch of 500; use --batch-size 114 or less"):
        folder(tmp_path, SMALL, None, batch_size=500, open_bar=open_bar)
    assert totals == []
    folder(tmp_path, SMALL, None, open_bar=open_bar)
    assert totals == [160]


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
