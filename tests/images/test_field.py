"""Finding the round field: where it is, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from service.images.field import field_mask, find_field
from tests.images.making import RETINA, scene


def fundus(
    width: int, height: int, centre: tuple[float, float], radius: float, level: float = 1.0, surround: float = 3.0
) -> np.ndarray:
    """A shaded disc that dims to 35 % at its rim, with texture, on a noisy surround."""
    rng = np.random.default_rng(3)
    down, across = np.mgrid[:height, :width] + 0.5
    distance = np.hypot(across - centre[0], down - centre[1]) / radius
    shade = level * np.array([190.0, 90.0, 45.0]) * (1 - 0.65 * np.minimum(distance, 1)[..., None] ** 2)
    texture = scene(width, height)[..., :1] / 255.0 * 0.3 + 0.85
    picture = np.where(distance[..., None] <= 1, shade * texture, surround)
    return np.clip(picture + rng.normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8)


def assert_box(box: tuple[int, int, int, int] | None, expected: tuple[float, ...], tolerance: float) -> None:
    assert box is not None
    assert np.abs(np.subtract(box, expected)).max() <= tolerance


def test_the_real_photograph() -> None:
    with Image.open(RETINA) as picture:
        assert_box(find_field(picture), (10, 8, 1400, 1400), 0.01 * 1411)


@pytest.mark.parametrize("level", [0.3, 0.6, 1.0, 1.6])
@pytest.mark.parametrize(("width", "height", "centre", "radius"), [
    (600, 600, (300, 300), 290), (900, 600, (450, 300), 280), (500, 800, (260, 390), 200),
    (1500, 1000, (700, 480), 300), (224, 224, (112, 112), 108),
])  # fmt: skip
def test_a_disc_is_found(width: int, height: int, centre: tuple[float, float], radius: float, level: float) -> None:
    box = find_field(Image.fromarray(fundus(width, height, centre, radius, level)))
    expected = centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius
    assert_box(box, expected, 0.01 * max(width, height) + 1)


@pytest.mark.parametrize("level", [0.5, 1.0])
@pytest.mark.parametrize(("width", "height", "centre", "radius"), [
    (800, 600, (400, 300), 370), (900, 600, (420, 280), 340), (600, 900, (290, 460), 345),
    (1000, 640, (480, 300), 330), (800, 700, (340, 350), 410), (448, 300, (220, 152), 175),
])  # fmt: skip
def test_of_a_field_that_the_picture_cuts_off_the_whole_circle_is_found(
    width: int, height: int, centre: tuple[float, float], radius: float, level: float
) -> None:
    """Within 1 % of the radius; the last but one is cut off at three sides."""
    box = find_field(Image.fromarray(fundus(width, height, centre, radius, level)))
    expected = centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius
    assert_box(box, expected, 0.01 * radius + 1)


def test_a_notch_does_not_move_the_circle() -> None:
    pixels = fundus(900, 600, (450, 300), 350)
    pixels[240:360, 780:] = pixels[:120, :120]
    assert_box(find_field(Image.fromarray(pixels)), (100, -50, 800, 650), 4.5)


@pytest.mark.parametrize("shape", ["rectangle", "ellipse", "wide"])
def test_what_is_cut_off_and_no_circle_is_kept_within_the_picture(shape: str) -> None:
    pixels = np.full((400, 800, 3), 3, np.uint8)
    down, across = np.mgrid[:400, :800] + 0.5
    inside = {
        "rectangle": (across > 150) & (across < 650),
        "ellipse": np.hypot((across - 400) / 300, (down - 200) / 900) < 1,
        "wide": np.hypot((across - 400) / 390, (down - 200) / 210) < 1,
    }[shape]
    pixels[inside] = (180, 90, 45)
    box = find_field(Image.fromarray(pixels))
    assert box is not None
    assert box[0] >= 0
    assert box[1] >= 0
    assert box[2] <= 800
    assert box[3] <= 400


def test_marks_in_the_surround_do_not_count() -> None:
    picture = Image.fromarray(fundus(900, 600, (450, 300), 280))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, 90, 40), fill=(255, 255, 255))
    pen.text((780, 570), "OD 2024", fill=(255, 255, 255))
    assert_box(find_field(picture), (170, 20, 730, 580), 10)


@pytest.mark.parametrize("surround", [0, 15, 30])
def test_a_surround_that_is_not_quite_black(surround: float) -> None:
    assert_box(find_field(Image.fromarray(fundus(600, 600, (300, 300), 280, surround=surround))), (20, 20, 580, 580), 8)


@pytest.mark.parametrize("picture", [
    np.zeros((300, 300, 3), np.uint8),
    np.full((300, 300, 3), 255, np.uint8),
    np.random.default_rng(0).integers(0, 12, (300, 300, 3), dtype=np.uint8),
    fundus(400, 400, (200, 200), 190, level=0.05),
    fundus(600, 600, (300, 300), 50),
    np.full((1, 1, 3), 9, np.uint8),
    np.full((2, 700, 3), 90, np.uint8),
])  # fmt: skip
def test_no_field_is_found_where_there_is_none(picture: np.ndarray) -> None:
    assert find_field(Image.fromarray(picture)) is None


def test_a_picture_filled_to_its_corners_is_kept_whole() -> None:
    for radius in (300, 900, 5000):
        picture = Image.fromarray(fundus(400, 400, (200, 200), radius))
        assert (find_field(picture) or (0, 0, 400, 400)) == (0, 0, 400, 400)


def test_scattered_light_is_no_field() -> None:
    rng = np.random.default_rng(1)
    stars = (rng.random((300, 300)) > 0.7)[..., None] * np.full(3, 255, np.uint8)
    assert find_field(Image.fromarray(stars.astype(np.uint8))) is None


def test_brightness_moves_the_box_little() -> None:
    with Image.open(RETINA) as picture:
        boxes = [find_field(ImageEnhance.Brightness(picture).enhance(b)) for b in (0.4, 0.7, 1.0, 1.3)]
    assert all(box is not None for box in boxes)
    assert np.ptp(np.array(boxes, float), axis=0).max() <= 0.015 * 1411


def test_every_pixel_of_a_field_is_known_and_all_where_there_is_none() -> None:
    rows, columns = np.mgrid[:200, :200]
    disc = np.hypot(rows - 100, columns - 100) < 90
    pixels = np.where(disc, 150, 5).astype(np.uint8)[..., None].repeat(3, 2)
    pixels[95:105, 95:105] = 0  # a dark spot within is part of the field
    pixels[185:195, 5:25] = 235  # a mark in a corner is not
    found = field_mask(pixels)
    assert (found ^ disc).mean() < 0.01
    assert not found[185:195, 5:25].any()
    assert field_mask(np.full((20, 30, 3), 90, np.uint8)).all()
