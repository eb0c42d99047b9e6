"""Reports and items of a model whose input is a padded rectangle, with one channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from service.collections.collection import PIXEL_SIDE
from service.collections.item_builder import build_item
from service.collections.reports import bias_page, dissection_page, mistakes_page
from service.collections.reports import top_activations as tops
from service.collections.reports.bias import bias
from service.collections.reports.collected_evidence import collect_evidence
from service.collections.reports.dissection import dissect
from service.collections.reports.mistakes import mistakes
from service.models.classifier import Classifier
from service.models.parity import GoldenImages, drawn_images
from service.models.registry import Registry
from service.models.sanity import sanity
from service.models.weights import save
from service.runtime.batch_inference import LabelledImage, inspect_all
from tests.collections.samples import collection
from tests.models import tiny

HEIGHT, WIDTH = 20, 48
FRAME = f"""
[models.padded.frame]
fit = "letterbox"
size = [{HEIGHT}, {WIDTH}]
channels = 1
mean = [0.5]
std = [0.25]
"""


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(5, 2),
    )  # fmt: skip


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    folder: Path = tmp_path_factory.mktemp("zoo")
    torch.manual_seed(2)
    sha256 = save(network().state_dict(), folder / "padded.safetensors")
    entry = tiny.ENTRY.partition("[models.{name}.frame]")[0].replace("tests.models.tiny", __name__)
    text = entry.format(name="padded", sha256=sha256, more="") + FRAME + tiny.CARD.format(name="padded")
    (folder / "padded.toml").write_text(text)
    return Registry(tiny.settings(folder)).load("padded")


def images() -> list[LabelledImage]:
    """Squares, so that the sides of the input are padded; what is marked is their left half."""
    generator = np.random.default_rng(4)
    pixels = [generator.integers(0, 256, (30, 30, 3), np.uint8) for _ in range(24)]
    half = np.zeros((30, 30), bool)
    half[:, :15] = True
    labels = ("healthy", "ill")
    return [LabelledImage(f"{i}.png", labels[i % 2], one, {"half": half}) for i, one in enumerate(pixels)]


def test_the_field_and_the_mask_lie_where_the_image_is(classifier: Classifier) -> None:
    """The image is the middle 20 of 48 columns; the mask the left half of it. The grid has cells of two pixels."""
    evidence = collect_evidence(classifier, inspect_all(classifier, images()), "half").evidence
    columns = np.arange(WIDTH // 2)
    assert evidence.field is not None
    assert evidence.mask is not None
    assert evidence.field.reshape(24, HEIGHT // 2, -1)[0, 0].tolist() == ((columns >= 7) & (columns < 17)).tolist()
    assert evidence.mask.reshape(24, HEIGHT // 2, -1)[0, 0].tolist() == ((columns >= 7) & (columns < 12)).tolist()


def test_every_report_is_made_and_its_pictures_have_the_shape_of_the_input(classifier: Classifier) -> None:
    collected = collect_evidence(classifier, inspect_all(classifier, images()), "half")
    report = bias(collected.evidence)
    assert report.shape == (HEIGHT // 2, WIDTH // 2)
    assert "<html" in bias_page.page(report, "tests", "padded", "", collected.backgrounds)
    dissection, regions = dissect(classifier, lambda: iter(images()), 24)
    assert dissection.concepts[0].area == pytest.approx(0.5 * HEIGHT / WIDTH, abs=0.02)
    assert "<html" in dissection_page.page(dissection, regions, "tests", "padded", "")
    assert {one.picture.shape for some in regions.values() for one in some} == {(47, 112, 3)}
    assert {one.region.shape for some in regions.values() for one in some} == {(47, 112)}
    top = tops.top_activations(inspect_all(classifier, images()), 1, 24, 3)
    assert "<html" in tops.page(top, "tests", "padded", "")
    assert all(abs(pixels.shape[1] / pixels.shape[0] - WIDTH / HEIGHT) < 0.05 for pixels, _ in top.pictures)
    wrong = mistakes(classifier, inspect_all(classifier, images()), 3)
    assert "<html" in mistakes_page.page(wrong, "tests", "padded", "")


def test_an_item_and_the_sanity_of_the_model(classifier: Classifier) -> None:
    (seen,) = inspect_all(classifier, images()[:1])
    item = build_item(seen.inspection, b"", collection("padded"))
    assert item.maps.shape == (2, HEIGHT // 2, WIDTH // 2)
    assert item.pixels.shape == (PIXEL_SIDE, PIXEL_SIDE, 3)
    assert float(item.field.mean()) == pytest.approx(HEIGHT / WIDTH, abs=1e-3)
    assert sanity(classifier, GoldenImages(drawn_images((HEIGHT, WIDTH)), "drawn")).steps
