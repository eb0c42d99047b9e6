"""The averaged measures on a model whose reason is known, and the picture of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.errors import TrainingError
from service.explain.methods import METHODS
from service.explain.quality import MEASURES, STEPS
from service.models.classifier import Classifier
from service.runtime.batch_inference import LabelledImage
from service.training.faithfulness import faithfulness, plot
from tests.training.test_localisation import SIDE, case, classifier

__all__ = ["classifier"]


def squares(count: int) -> list[LabelledImage]:
    return [case(("red", "green")[i % 2], ("red", "green")[i % 2], 4 * (i % 8), 32 - 4 * (i % 8)) for i in range(count)]


def test_figures_are_the_means_of_single_images(classifier: Classifier) -> None:
    methods = [METHODS["gradcam"], METHODS["layercam"]]
    together = faithfulness(classifier, methods, squares(5))
    alone = [faithfulness(classifier, methods, [one]) for one in squares(5)]
    for place, row in enumerate(together):
        assert (row.model, row.method, row.images, row.empty) == ("reader", methods[place].name, 5, 0)
        for name in MEASURES:
            values = [value for one in alone if not math.isnan(value := one[place].means[name])]
            assert row.means[name] == pytest.approx(np.mean(values), abs=1e-5)
            assert row.errors[name] == pytest.approx(np.std(values, ddof=1) / math.sqrt(len(values)), abs=1e-5)
        curve = np.mean([one[place].curves["deletion"] for one in alone], axis=0)
        np.testing.assert_allclose(row.curves["deletion"], curve, atol=1e-5)
        assert len(curve) == STEPS + 1


def test_the_area_under_the_mean_curve_is_the_mean_area(classifier: Classifier) -> None:
    (row,) = faithfulness(classifier, [METHODS["gradcam"]], squares(3))
    for name, curve in row.curves.items():
        assert row.means[name] == pytest.approx(np.trapezoid(curve) / STEPS, abs=1e-5)
    assert row.curves["deletion"][0] > row.curves["deletion"][-1]
    assert row.curves["insertion"][-1] == pytest.approx(row.curves["deletion"][0], abs=1e-5)  # both are the image


def test_maps_with_nothing_in_them_are_counted_and_not_averaged(classifier: Classifier) -> None:
    black = LabelledImage("black", "red", np.zeros((SIDE, SIDE, 3), np.uint8))
    (row,) = faithfulness(classifier, [METHODS["gradcam"]], [black, *squares(2)])
    assert (row.images, row.empty) == (3, 1)
    assert math.isfinite(row.means["deletion"])
    (nothing,) = faithfulness(classifier, [METHODS["gradcam"]], [black])
    assert math.isnan(nothing.means["deletion"])
    assert nothing.curves["deletion"] == ()
    with pytest.raises(TrainingError, match="no image"):
        faithfulness(classifier, [METHODS["gradcam"]], [])


def test_the_picture_holds_every_method(classifier: Classifier, tmp_path: Path) -> None:
    rows = faithfulness(classifier, [METHODS["gradcam"], METHODS["eigencam"]], squares(2))
    plot(rows, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        assert image.size[0] > 1000
    plot(rows, tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text()
    assert all(f"<!-- {name} -->" in drawn for name in ("gradcam", "eigencam", "head randomisation", "agreement"))
