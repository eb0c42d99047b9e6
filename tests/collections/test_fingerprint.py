"""Every part of a fingerprint counts, and what is unknown is never taken for a difference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.collections.fingerprint import OLDER_VERSION, UNRECORDED, Fingerprint
from service.images.frame import Frame
from service.images.preprocessing import PREPROCESSING_VERSION
from tests.collections.samples import fingerprint

BEFORE = fingerprint()

OTHERS: dict[str, tuple[Any, str]] = {
    "weights_sha256": ("1a" * 32, "other weights now (1a1a1a1a1a1a instead of 9b9b9b9b9b9b)"),
    "layer": ("5", "vectors are taken after layer '5' now, and were taken after 'flatten'"),
    "map_layer": ("0", "maps are taken after layer '0' now, and were taken after 'conv'"),
    "network": ('{"architecture": "other"}', "another architecture, other arguments or other stages"),
    "frame": (Frame(resize=300), "resize 300 instead of 256"),
    "preprocessing": (PREPROCESSING_VERSION + 1, "decodes or frames images in another way"),
}

FRAMES: dict[str, Any] = {
    "field_of_view": True,
    "resize": 300,
    "crop": 200,
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "interpolation": "bicubic",
    "fit": "squash",
    "size": (200, 300),
    "fill": (1, 2, 3),
    "antialias": False,
    "channels": 1,
    "grey": (0.2, 0.7, 0.1),
    "order": "BGR",
    "value_range": (-1, 1),
}
WITH: dict[str, dict[str, Any]] = {
    "channels": {"mean": (0.5,), "std": (0.25,)},
    "value_range": {"mean": BEFORE.frame.mean, "std": BEFORE.frame.std} if BEFORE.frame else {},
}
"""What a field needs beside it."""


@pytest.mark.parametrize("field", Fingerprint.model_fields)
def test_each_part_alone_is_a_change_that_is_named(field: str) -> None:
    """A new field without a sentence fails here."""
    value, words = OTHERS[field]
    (change,) = BEFORE.changes(BEFORE.model_copy(update={field: value}))
    assert words in change
    assert BEFORE.changes(BEFORE) == []


@pytest.mark.parametrize("field", Frame.model_fields)
def test_each_part_of_a_frame_counts(field: str) -> None:
    now = BEFORE.model_copy(update={"frame": Frame.model_validate({field: FRAMES[field]} | WITH.get(field, {}))})
    (change,) = BEFORE.changes(now)
    assert f"{field} " in change


@pytest.mark.parametrize(
    "unknown", [{"weights_sha256": ""}, {"layer": ""}, {"map_layer": ""}, {"network": ""}, {"frame": None}]
)
def test_what_is_not_known_of_a_model_is_no_change(unknown: dict[str, Any]) -> None:
    assert BEFORE.changes(BEFORE.model_copy(update=unknown)) == []


def test_what_was_not_recorded_is_said_and_nothing_else_is_guessed() -> None:
    old = Fingerprint(weights_sha256=BEFORE.weights_sha256, layer="flatten")
    assert old.preprocessing == UNRECORDED
    assert old.changes(BEFORE) == [OLDER_VERSION]
    weights, older = old.changes(fingerprint("1a" * 32))
    assert "other weights now" in weights
    assert older == OLDER_VERSION


def test_it_comes_back_from_json() -> None:
    assert Fingerprint.model_validate_json(BEFORE.model_dump_json()) == BEFORE


def test_fields_that_a_frame_gains_later_do_not_make_old_collections_stale() -> None:
    """A frame is stored in full and compared as a value: a new field with its default equals a stored frame without."""
    stored = json.loads(BEFORE.model_dump_json())
    del stored["frame"]["interpolation"]
    assert Fingerprint.model_validate(stored) == BEFORE


def test_a_frame_that_this_version_cannot_read_equals_none_of_today() -> None:
    stored = json.loads(BEFORE.model_dump_json())
    stored["frame"]["warp"] = 3
    (change,) = Fingerprint.model_validate(stored).changes(BEFORE)
    assert "written by another version of Fovea" in change
