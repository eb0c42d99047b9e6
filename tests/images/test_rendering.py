"""What is laid over a picture: heat only where something is, sides that differ in colour, and tiles in their place."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from service.images.rendering import (
    CAPTION,
    GAP,
    jpeg,
    png,
    side_by_side,
    tile,
    tiles,
    with_heatmap,
    with_highlight,
    with_signed_map,
)

GREY = np.full((40, 40, 3), 100, np.uint8)


def corner(value: float) -> np.ndarray:
    grid = np.zeros((4, 4), np.float32)
    grid[0, 3] = value
    return grid


def test_heat_lies_where_the_map_is_positive_and_full_at_the_maximum() -> None:
    hot = with_heatmap(GREY, corner(2.0), 2.0)
    assert np.array_equal(hot[20:, :20], GREY[20:, :20])
    assert hot[0, 39, 0] > 180  # inferno's end is pale yellow
    assert np.array_equal(with_heatmap(GREY, corner(-2.0), 2.0), GREY)
    assert np.array_equal(with_heatmap(GREY, corner(0.0), 0.0), GREY)
    assert np.array_equal(with_heatmap(GREY, corner(9.0), 2.0)[0, 39], hot[0, 39])


def test_two_sides_have_two_colours_on_grey() -> None:
    red, _, blue = with_signed_map(GREY, corner(1.0), 1.0)[0, 39]
    assert red > blue
    red, _, blue = with_signed_map(GREY, corner(-1.0), 1.0)[0, 39]
    assert blue > red
    colourful = np.full((40, 40, 3), (200, 80, 20), np.uint8)
    assert with_signed_map(colourful, corner(1.0), 1.0)[39, 0].tolist() == [100, 100, 100]


def test_a_region_keeps_its_light_and_the_rest_loses_it() -> None:
    region = np.zeros((40, 40), bool)
    region[10:20, 10:20] = True
    shown = with_highlight(GREY, region)
    assert (shown[12:18, 12:18] == 100).all()
    assert (shown[25:] == 30).all()
    assert tuple(shown[10, 10]) == (255, 235, 80)
    assert (with_highlight(GREY, np.zeros((40, 40), bool)) == 30).all()


def test_tiles_stand_in_reading_order_with_room_for_their_captions() -> None:
    shades = [np.full((10, 12, 3), shade, np.uint8) for shade in (10, 20, 30)]
    page = side_by_side(shades, ["a", "b", "a caption that is far too long to fit"], columns=2)
    assert page.shape == (2 * (10 + CAPTION + GAP) + GAP, 2 * (12 + GAP) + GAP, 3)
    second_row = GAP + 10 + CAPTION + GAP + CAPTION
    assert page[GAP + CAPTION, GAP, 0] == 10
    assert page[GAP + CAPTION, GAP + 12 + GAP, 0] == 20
    assert page[second_row, GAP, 0] == 30
    assert (page[second_row:, GAP + 12 + GAP :] == 255).all()


def test_a_tile_spans_the_colour_scale_and_a_flat_one_is_no_error() -> None:
    low, high = tile(np.array([[0, 5]], np.float32), 3)[0, [0, 3]]
    assert high.sum() > low.sum()
    assert tile(np.zeros((2, 2), np.float32), 4).shape == (8, 8, 3)
    assert tiles([np.ones((300, 2), np.float32)], ["1"]).shape[0] == 300 + CAPTION + 2 * GAP


def test_files_are_what_they_say() -> None:
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(GREY)))), GREY)
    assert Image.open(io.BytesIO(jpeg(GREY))).format == "JPEG"
