"""The circle of a field that the picture cuts off, against circles marked by hand on photographs.

The environment variable FOVEA_FUNDUS names the folder of the photographs (HRF and IDRiD, at most 512 pixels high).
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.images.field import find_field
from service.images.frame import Frame
from service.images.guard import Guard
from service.images.measures import measure
from tests.images.making import ROOT

ROWS = (90.5, 256.5, 420.5)
"""Where rims were marked: y of the points on the left, then of those on the right."""

RIMS: dict[str, tuple[float | None, ...]] = {
    "hrf/glaucoma/02_g": (69.5, 29.7, 70.5, 705.5, 744.5, 704),
    "hrf/glaucoma/05_g": (68.5, 28.5, 69, 703.5, 743.3, 701.8),
    "hrf/glaucoma/09_g": (69, 29.2, 70, 704.5, 744, 703),
    "hrf/glaucoma/14_g": (68.5, 29, 69.5, 704.8, 743.6, 703),
    "hrf/normal/01_h": (69, 29, 70, 703.8, 743.8, 702.5),
    "hrf/normal/06_h": (69.3, 29, 69.5, 703.6, 743.7, 703),
    "hrf/normal/11_h": (69, 28.5, 69, 703.5, 743.3, 702.6),
    "hrf/normal/15_h": (68.9, 28.2, 68.3, 703.5, 742.9, 703),
    "hrf/retinopathy/03_dr": (68.6, 28, 69.4, 703, 743, 702.7),
    "hrf/retinopathy/08_dr": (68.5, 28.4, 68.5, 703.9, 743.4, 703.2),
    "hrf/retinopathy/12_dr": (68.8, 28.3, 68.8, 703, 742.9, 702.4),
    "hrf/retinopathy/15_dr": (68.5, 28, 68.9, 703, 742.7, 702.1),
    "idrid/normal/test_IDRiD_050": (95.5, 48.8, 96.8, None, 661.6, 613.3),
    "idrid/normal/train_IDRiD_163": (95.9, 47, 95.6, None, 660.9, 612),
    "idrid/normal/train_IDRiD_235": (98.4, 51.5, 100.5, None, 664.5, 614.4),
    "idrid/normal/train_IDRiD_386": (97, 49.3, 97.5, None, 661.9, 613.4),
    "idrid/retinopathy/test_IDRiD_021": (97.1, 49.3, 97.1, None, 662.1, 613.8),
    "idrid/retinopathy/train_IDRiD_043": (97.9, 49.5, 98.5, None, 662.4, 613.5),
    "idrid/retinopathy/train_IDRiD_134": (98, 49.4, 97.2, None, 662.2, 614.2),
    "idrid/retinopathy/train_IDRiD_334": (97.6, 49.5, 97, None, 662.5, 614.5),
}
"""x of the rim, seen by eye on strips enlarged eight times; None where a notch hides it."""


def marked_circle(rims: tuple[float | None, ...]) -> tuple[float, float, float]:
    points = np.array([(x, y) for x, y in zip(rims, ROWS * 2, strict=True) if x is not None])
    (x, y, c), *_ = np.linalg.lstsq(np.column_stack([2 * points, np.ones(len(points))]), (points**2).sum(1), rcond=None)
    return float(x), float(y), float(np.sqrt(c + x * x + y * y))


def photographs() -> Path:
    """The folder of the photographs; skips where there is none."""
    folder = Path(os.environ.get("FOVEA_FUNDUS", "no such folder"))
    if not (folder / "hrf").is_dir():
        pytest.skip("FOVEA_FUNDUS names no folder with the photographs")
    return folder


@pytest.mark.parametrize("name", RIMS)
def test_the_circle_is_the_one_marked_by_hand(name: str) -> None:
    x, y, radius = marked_circle(RIMS[name])
    with Image.open(photographs() / f"{name}.jpg") as picture:
        box = find_field(picture.convert("RGB"))
    assert box is not None
    left, top, right, bottom = box
    assert np.hypot((left + right) / 2 - x, (top + bottom) / 2 - y) <= 0.01 * radius
    assert abs((right - left) / 2 - radius) <= 0.01 * radius


def test_the_shipped_model_refuses_no_photograph_of_a_camera_that_cuts_the_field_off() -> None:
    """All 45 photographs of HRF; without the padding all are refused, for their bright corners."""
    table = tomllib.loads((ROOT / "service" / "models" / "zoo" / "glaucoma.toml").read_text())["models"]["glaucoma"]
    frame, guard = Frame.model_validate(table["frame"]), Guard.model_validate(table["guard"])
    files = sorted((photographs() / "hrf").glob("*/*.jpg"))
    refused = []
    for file in files:
        with Image.open(file) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        x, geometry = frame.apply(pixels, pixels.shape[1], pixels.shape[0])
        assert geometry.region[1] < 0 < geometry.height < geometry.region[3]
        refused += [file.name] * bool(guard.reasons(measure(x)))
    assert len(files) == 45
    assert refused == []
