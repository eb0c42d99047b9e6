"""The localisation table on images whose reason is known, and the ways a folder tells the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from service.errors import TrainingError
from service.explain.methods import METHODS
from service.images.frame import Frame
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.runtime.batch_inference import LabelledImage, frame_mask
from service.training.labelled_images import TRUTH, folder, generated
from service.training.localisation import localise, truth
from service.training.render import Recipe

SIDE = 64


def reader() -> nn.Module:
    """Two classes: how green, and how red; it looks at the very places."""
    conv = nn.Conv2d(3, 2, 4, stride=4, bias=False)
    conv.weight.data.zero_()
    conv.weight.data[0, 1], conv.weight.data[1, 0] = 1.0, 1.0
    linear = nn.Linear(2, 2)
    linear.weight.data, linear.bias.data = torch.eye(2), torch.zeros(2)
    return nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), linear)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    entry = Entry(
        name="reader",
        architecture="tests.training.test_localisation:reader",
        weights="reader.safetensors",
        sha256="0" * 64,
        labels=("green", "red"),
        frame=Frame(resize=SIDE, crop=SIDE, mean=(0, 0, 0), std=(1, 1, 1)),
        card={"intended_use": "tests", "do_not_use": "-", "training_data": "none", "licence": "Apache-2.0"},
    )
    return Classifier.build(entry, reader().state_dict(), "0" * 64, "torch")


def case(label: str, painted: str, left: int, top: int, told: tuple[int, int] | None = None) -> LabelledImage:
    """A square of a colour, and a truth that may lie elsewhere."""
    pixels, mask = np.zeros((SIDE, SIDE, 3), np.uint8), np.zeros((SIDE, SIDE), bool)
    pixels[top : top + 24, left : left + 24, {"red": 0, "green": 1}[painted]] = 255
    x, y = told or (left, top)
    mask[y : y + 24, x : x + 24] = True
    return LabelledImage("drawn", label, pixels, {TRUTH: mask})


def scores(classifier: Classifier, cases: list[LabelledImage]) -> list[float]:
    (score,) = localise(classifier, [METHODS["gradcam"]], cases)
    return [score.class_1, score.class_5, score.place_1, score.place_5, score.pointing, round(score.energy, 2)]


def test_right_class_and_right_place_is_no_error(classifier: Classifier) -> None:
    right = [case("red", "red", 8, 24), case("green", "green", 32, 0)]
    errors = scores(classifier, right)
    assert errors[:5] == [0, 0, 0, 0, 1]
    assert errors[5] > 0.8


def test_right_class_and_wrong_place_is_an_error_of_place(classifier: Classifier) -> None:
    assert scores(classifier, [case("red", "red", 0, 0, told=(40, 40))])[:5] == [0, 0, 1, 1, 0]


@pytest.mark.parametrize(("beside", "pointed"), [(14, 1), (17, 0)])
def test_the_pointing_game_forgives_fifteen_pixels(classifier: Classifier, beside: int, pointed: int) -> None:
    """The square's centre is its maximum; the truth begins so many pixels to the right of it."""
    pixels, mask = np.zeros((SIDE, SIDE, 3), np.uint8), np.zeros((SIDE, SIDE), bool)
    pixels[28:32, 20:24, 0] = 255  # one cell of the map: its maximum lies at columns 21 and 22
    mask[28:32, 22 + beside :] = True
    (score,) = localise(classifier, [METHODS["gradcam"]], [LabelledImage("drawn", "red", pixels, {TRUTH: mask})])
    assert score.pointing == pointed


def test_wrong_class_is_an_error_of_both_at_top_one_alone(classifier: Classifier) -> None:
    both = case("red", "red", 0, 0)
    both.pixels[32:64, 32:64, 1] = 255  # more green than red
    errors = scores(classifier, [both])
    assert errors[:4] == [1, 0, 1, 0]


def test_a_label_the_model_does_not_know_is_named(classifier: Classifier) -> None:
    unknown = LabelledImage("drawn", "blue", np.zeros((8, 8, 3), np.uint8), {TRUTH: np.ones((8, 8), bool)})
    with pytest.raises(TrainingError, match=r"no class 'blue'.*green, red"):
        localise(classifier, [METHODS["gradcam"]], [unknown])
    with pytest.raises(TrainingError, match="nothing to find"):
        localise(classifier, [METHODS["gradcam"]], [])


def test_masks_are_seen_through_the_same_frame_as_pixels() -> None:
    pixels = np.zeros((40, 90, 3), np.uint8)
    pixels[10:25, 40:60] = 255
    x, geometry = Frame(resize=SIDE, crop=SIDE).apply(pixels, 90, 40)
    mask = frame_mask(pixels[..., 0] > 0, geometry)
    assert np.mean(mask != (x[..., 0] > 127)) < 0.02


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for label in ("green", "red"):
        (tmp_path / label).mkdir()
        Image.fromarray(case(label, label, 8, 8).pixels).save(tmp_path / label / "a.png")
    return tmp_path


def test_a_folder_tells_the_truth_by_boxes_and_by_masks(data: Path, classifier: Classifier) -> None:
    (data / "boxes.csv").write_text("file,left,top,right,bottom\nred/a.png,8,8,32,32\n")
    Image.fromarray(np.uint8(255 * case("green", "green", 8, 8).masks[TRUTH])).save(data / "green" / "a.mask.png")
    cases = list(folder(data))
    assert [one.label for one in cases] == ["green", "red"]
    assert np.array_equal(cases[0].masks[TRUTH], cases[1].masks[TRUTH])
    assert scores(classifier, cases)[:4] == [0, 0, 0, 0]


def test_a_folder_without_truth_or_with_a_broken_table_is_refused(data: Path, classifier: Classifier) -> None:
    with pytest.raises(TrainingError, match=r"nothing to find.*boxes\.csv"):
        localise(classifier, [METHODS["gradcam"]], folder(data))
    (data / "boxes.csv").write_text("file,left\nred/a.png,8\n")
    with pytest.raises(TrainingError, match="must have the columns"):
        list(folder(data))


def test_masks_beside_an_image_are_known_by_what_they_mark(data: Path) -> None:
    Image.fromarray(np.full((SIDE, SIDE), 255, np.uint8)).save(data / "red" / "a.disc.mask.png")
    Image.fromarray(np.zeros((SIDE, 9), np.uint8)).save(data / "green" / "b.mask.png")  # nobody's mask
    assert [sorted(one.masks) for one in folder(data)] == [[], ["disc"]]
    Image.fromarray(np.zeros((SIDE, 9), np.uint8)).save(data / "green" / "a.mask.png")
    with pytest.raises(TrainingError, match=r"a\.mask\.png is 9 × 64, its image 64 × 64"):
        list(folder(data))


def test_generated_eyes_show_what_makes_them_ill() -> None:
    for one in generated(Recipe("five", 7, 6)):
        reason = truth(one)
        assert reason.any() == (one.label != "normal")
        assert reason.shape == one.pixels.shape[:2]
