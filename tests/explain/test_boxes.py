"""Boxes around what a map points at, against boxes known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from service.explain.boxes import boxes, intersection_over_union


def test_the_largest_component_comes_first_and_scores_its_share() -> None:
    heat = np.zeros((20, 30), np.float32)
    heat[2:5, 3:7] = 1.0
    heat[10:18, 10:25] = 0.5
    first, second = boxes(heat, 0.2)
    assert (first.left, first.top, first.right, first.bottom) == (10, 10, 25, 18)
    assert (second.left, second.top, second.right, second.bottom) == (3, 2, 7, 5)
    assert first.score == pytest.approx(60 / 72)
    assert second.score == pytest.approx(12 / 72)


def test_boxes_lie_where_the_image_is_and_their_scores_count_the_whole_map() -> None:
    """A box that reaches into the padding ends at the image's edge; what lies in the padding alone has none."""
    heat = np.zeros((10, 10), np.float32)
    heat[0:4, 2:5] = 2.0  # two rows of padding, two of the image
    heat[0:1, 7:9] = 8.0  # in the padding, and the maximum
    shown = np.ones((10, 10), bool)
    shown[:2] = False
    (only,) = boxes(heat, 0.2, shown)
    assert (only.left, only.top, only.right, only.bottom) == (2, 2, 5, 4)
    assert only.score == pytest.approx(12 / 40)
    assert boxes(heat, 0.3, shown) == ()


def test_what_lies_below_the_threshold_is_outside() -> None:
    heat = np.full((8, 8), 0.1, np.float32)
    heat[3, 4] = 1.0
    (only,) = boxes(heat, 0.15)
    assert (only.left, only.top, only.right, only.bottom) == (4, 3, 5, 4)


def test_corners_that_touch_belong_together() -> None:
    assert len(boxes(np.eye(5, dtype=np.float32), 0.5)) == 1


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_map_with_nothing_positive_has_no_box(value: float) -> None:
    assert boxes(np.full((4, 4), value, np.float32), 0.2) == ()


def test_specks_beyond_the_five_largest_are_left_out() -> None:
    heat = np.zeros((1, 40), np.float32)
    for i in range(8):
        heat[0, 5 * i : 5 * i + 1 + i % 4] = 1
    assert [box.right - box.left for box in boxes(heat, 0.5)] == [4, 4, 3, 3, 2]


def test_overlap_is_intersection_over_union() -> None:
    assert intersection_over_union((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert intersection_over_union((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert intersection_over_union((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert intersection_over_union((0, 0, 0, 0), (0, 0, 0, 0)) == 0
