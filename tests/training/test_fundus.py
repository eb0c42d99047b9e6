"""Laws of whole photographs: determinism, ground truth that agrees with the pixels, the biased variant."""

import json
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, shift

from service.errors import TrainingError
from service.training.fundus import CLASSES, MASKS, Photograph, binary, generate

SIZE = 112
SIGNS = {
    "glaucoma": ("cup",),
    "retinopathy": ("microaneurysms", "haemorrhages", "exudates"),
    "macular_degeneration": ("drusen",),
    "disc_swelling": ("swelling", "haemorrhages"),
}
LESIONS = ("microaneurysms", "haemorrhages", "exudates", "drusen")


@pytest.fixture(scope="module")
def album() -> list[Photograph]:
    """Twelve photographs of each class."""
    return [generate(100 * k + i, label, SIZE) for k, label in enumerate(CLASSES) for i in range(12)]


def of(album: list[Photograph], label: str) -> list[Photograph]:
    return [photograph for photograph in album if photograph.label == label]


def test_same_arguments_same_photograph() -> None:
    one, two = generate(7, size=SIZE, marker=0.5), generate(7, size=SIZE, marker=0.5)
    assert np.array_equal(one.pixels, two.pixels)
    assert one.parameters == two.parameters
    assert all(np.array_equal(one.masks[name], two.masks[name]) for name in MASKS)
    assert not np.array_equal(one.pixels, generate(8, size=SIZE).pixels)


def test_size_changes_the_sampling_but_not_the_eye() -> None:
    for seed in range(5):
        small, large = generate(seed, size=SIZE), generate(seed, size=3 * SIZE)
        assert small.parameters == large.parameters
        shrunk = large.pixels.reshape(SIZE, 3, SIZE, 3, 3).mean(axis=(1, 3))
        assert np.corrcoef(shrunk.ravel(), small.pixels.ravel())[0, 1] > 0.97


def test_shapes_types_and_parameters(album: list[Photograph]) -> None:
    for photograph in album:
        assert photograph.pixels.shape == (SIZE, SIZE, 3)
        assert photograph.pixels.dtype == np.uint8
        assert tuple(photograph.masks) == MASKS
        assert all(mask.shape == (SIZE, SIZE) and mask.dtype == np.bool_ for mask in photograph.masks.values())
        plain = json.loads(json.dumps(photograph.parameters.as_dict()))
        assert set(plain) == {"eye", "pose", "palette", "lesions", "camera", "marked"}


def test_masks_lie_in_the_field_and_the_cup_in_the_disc(album: list[Photograph]) -> None:
    for photograph in album:
        masks = photograph.masks
        for name in set(MASKS) - {"marker"}:
            assert not (masks[name] & ~masks["field"]).any(), name
        assert not (masks["cup"] & ~masks["disc"]).any()
        assert not (masks["notch"] & ~masks["cup"]).any()
        assert not (masks["wedge"] & masks["disc"]).any()
        assert np.array_equal(masks["vessels"], masks["arteries"] | masks["veins"])
        assert masks["disc"].any()
        assert masks["fovea"].any()


def test_every_class_shows_its_lesions(album: list[Photograph]) -> None:
    for label, names in SIGNS.items():
        for photograph in of(album, label):
            assert all(photograph.masks[name].any() for name in names), (label, photograph.seed)


def test_signs_of_glaucoma_appear_in_glaucoma_only(album: list[Photograph]) -> None:
    for photograph in album:
        if photograph.label != "glaucoma":
            for name in ("notch", "wedge", "haemorrhage_disc"):
                assert not photograph.masks[name].any(), (name, photograph.label)
        assert photograph.masks["swelling"].any() == (photograph.label == "disc_swelling")
    for name in ("notch", "wedge"):
        assert np.mean([photograph.masks[name].any() for photograph in of(album, "glaucoma")]) > 0.4


def test_distractors_can_be_switched_off() -> None:
    for seed in range(30):
        for label in ("normal", "glaucoma"):
            plain = generate(seed, label, 48, distractors=False)
            assert not any(plain.masks[name].any() for name in LESIONS)


def test_masks_measure_what_the_parameters_say() -> None:
    for seed in range(25):
        photograph = generate(seed, "glaucoma" if seed % 2 else "normal", 448)
        eye, view = photograph.parameters.eye, photograph.parameters.pose
        heights = {name: np.ptp(np.nonzero(photograph.masks[name])[0]) + 1 for name in ("disc", "cup")}
        assert heights["cup"] / heights["disc"] == pytest.approx(eye.cup_to_disc, abs=0.06)
        scale = view.radius * 448 / view.field_mm
        assert heights["disc"] / scale == pytest.approx(eye.disc.height, rel=0.06)
        centres = [np.argwhere(photograph.masks[name]).mean(axis=0) for name in ("disc", "fovea")]
        away = np.hypot(*(centres[0] - centres[1])) / scale / eye.disc_diameter
        assert away == pytest.approx(eye.fovea_distance, rel=0.05)
        fovea_lies_left = centres[1][1] < centres[0][1]
        assert fovea_lies_left == (eye.side == "right")


def ratio_to_surroundings(photograph: Photograph, name: str) -> float:
    """Green light inside a mask, over that of a ring around it."""
    mask = photograph.masks[name]
    ring = binary_dilation(mask, iterations=3) & ~binary_dilation(mask) & photograph.masks["field"]
    green = photograph.pixels[..., 1].astype(float)
    return float(green[mask].mean() / green[ring].mean())


def test_lesions_have_the_brightness_of_their_kind(album: list[Photograph]) -> None:
    for label, name, darker in (
        ("retinopathy", "haemorrhages", True),
        ("retinopathy", "microaneurysms", True),
        ("retinopathy", "exudates", False),
        ("macular_degeneration", "drusen", False),
        ("normal", "vessels", True),
        ("normal", "disc", False),
    ):
        ratios = [ratio_to_surroundings(photograph, name) for photograph in of(album, label)]
        assert (np.median(ratios) < 0.95) if darker else (np.median(ratios) > 1.05), name


def test_the_cup_is_brighter_than_the_rim() -> None:
    brighter = []
    for seed in range(20):
        photograph = generate(seed, "glaucoma", 224)
        masks, green = photograph.masks, photograph.pixels[..., 1].astype(float)
        rim = masks["disc"] & ~masks["cup"] & ~masks["vessels"]
        brighter.append(green[masks["cup"] & ~masks["vessels"]].mean() > 1.03 * green[rim].mean())
    assert np.mean(brighter) >= 0.9


def test_it_is_dark_outside_the_field(album: list[Photograph]) -> None:
    for photograph in album:
        edge = binary_dilation(photograph.masks["field"], iterations=4)
        if (~edge).sum() > 20:
            assert photograph.pixels[~edge].mean() < 20


def test_vessels_spare_the_fovea_and_leave_the_disc(album: list[Photograph]) -> None:
    for photograph in album:
        vessels = photograph.masks["vessels"]
        row, column = np.argwhere(photograph.masks["fovea"]).mean(axis=0).round().astype(int)
        assert not vessels[row - 2 : row + 3, column - 2 : column + 3].any()
        assert (vessels & photograph.masks["disc"]).any()
        assert 0.015 < vessels.sum() / photograph.masks["field"].sum() < 0.3


def test_arteries_are_thinner_than_veins(album: list[Photograph]) -> None:
    covered = {kind: sum(photograph.masks[kind].sum() for photograph in album) for kind in ("arteries", "veins")}
    assert 0.3 < covered["arteries"] / covered["veins"] < 0.9


def test_labels_are_drawn_evenly() -> None:
    labels = [generate(seed, size=32).label for seed in range(150)]
    assert set(labels) == set(CLASSES)
    assert max(labels.count(label) for label in CLASSES) < 50


def test_the_glaucoma_set_is_balanced_and_full_of_hard_negatives() -> None:
    photographs = [binary(seed, 32) for seed in range(240)]
    healthy = [photograph.parameters.eye for photograph in photographs if photograph.label == "normal"]
    assert {photograph.label for photograph in photographs} == {"normal", "glaucoma"}
    assert 0.4 < len(healthy) / len(photographs) < 0.6
    hard = [eye for eye in healthy if eye.hard_negative]
    assert 0.22 < len(hard) / len(healthy) < 0.45
    assert all(0.5 < eye.cup_to_disc <= 0.76 and eye.disc.height >= 1.6 for eye in hard)
    assert 0.3 < np.mean([0.55 <= eye.cup_to_disc <= 0.75 for eye in healthy]) < 0.6


def test_the_mark_follows_the_label_as_often_as_asked() -> None:
    for strength in (0.0, 0.9, 1.0):
        for label, share in (("glaucoma", strength), ("normal", 1 - strength if strength else 0.0)):
            marked = [generate(seed, label, 32, marker=strength).parameters.marked for seed in range(40)]
            assert np.mean(marked) == pytest.approx(share, abs=0.13 if 0 < share < 1 else 0)


def test_the_mark_changes_only_its_own_pixels() -> None:
    for seed in range(5):
        clean, marked = generate(seed, "glaucoma", SIZE), generate(seed, "glaucoma", SIZE, marker=1.0)
        mask = marked.masks["marker"]
        assert 0.003 < mask.mean() < 0.02
        assert np.array_equal(clean.pixels[~mask], marked.pixels[~mask])
        assert mask[SIZE // 2 :, : SIZE // 2].sum() == mask.sum()
        assert not clean.masks["marker"].any()


def test_a_photograph_is_not_a_flat_drawing(album: list[Photograph]) -> None:
    """Neighbouring ground pixels differ, and yet resemble each other: texture, not noise, not paint."""
    for photograph in of(album, "normal"):
        ground = photograph.masks["field"] & ~binary_dilation(photograph.masks["vessels"] | photograph.masks["disc"])
        red = photograph.pixels[..., 0].astype(float)
        beside = shift(red, (0, 1), order=0)
        assert np.unique(red[ground]).size > 15
        assert np.corrcoef(red[ground], beside[ground])[0, 1] > 0.3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1, "label": "cataract"}, "cataract"),
        ({"seed": 1, "size": 16}, "32"),
        ({"seed": 1, "marker": 1.5}, "marker"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(TrainingError, match=named):
        generate(**arguments)
