"""The worst mistakes: the right ones, in order, with maps that agree with asking for each class alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from service.collections.reports.mistakes import mistakes
from service.collections.reports.mistakes_page import page
from service.collections.reports.top_activations import page as activations_page
from service.collections.reports.top_activations import top_activations
from service.errors import TrainingError, UnknownName
from service.explain.methods import METHODS
from service.models.classifier import Classifier
from service.models.registry import Registry
from service.models.scores import probabilities
from service.runtime.batch_inference import InspectedImage, LabelledImage, inspect_all
from service.runtime.inspection import MapRequest, compute_maps
from tests.models import tiny


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    folder = tmp_path_factory.mktemp("zoo")
    tiny.add(folder, "tiny", seed=3)
    return Registry(tiny.settings(folder)).load("tiny")


def images(label: str = "", n: int = 30) -> Iterator[LabelledImage]:
    random = np.random.default_rng(0)
    for i in range(n):
        shade = random.integers(0, 255, 3)
        pixels = np.clip(shade + random.normal(0, 40, (16, 16, 3)), 0, 255).astype(np.uint8)
        yield LabelledImage(f"{label}/{i}.png", label or ("healthy", "ill")[i % 2], pixels)


def wrong_ones(classifier: Classifier) -> list[tuple[float, InspectedImage]]:
    found = []
    for seen in inspect_all(classifier, images()):
        chances = probabilities(seen.logits, classifier.entry)
        if classifier.entry.labels[int(chances.argmax())] != seen.image.label:
            found.append((float(chances.max()), seen))
    return sorted(found, key=lambda one: -one[0])


def test_the_most_confident_mistakes_come_first_and_all_are_counted(classifier: Classifier) -> None:
    expected = wrong_ones(classifier)
    report = mistakes(classifier, inspect_all(classifier, images()), 5).report
    assert report.images == 30
    assert report.wrong == len(expected) == sum(report.confusions.values()) > 5
    assert [one.image for one in report.worst] == [seen.image.name for _, seen in expected[:5]]
    assert [one.predicted.probability for one in report.worst] == pytest.approx([p for p, _ in expected[:5]])
    assert all(one.truth.label == seen.image.label for one, (_, seen) in zip(report.worst, expected, strict=False))


def test_both_maps_are_those_of_each_class_alone_and_the_contrast_is_their_difference(classifier: Classifier) -> None:
    """Grad-CAM of a linear head is linear in the direction, so the contrast must be predicted − truth."""
    _, seen = wrong_ones(classifier)[0]
    one = mistakes(classifier, inspect_all(classifier, images()), 1).report.worst[0]
    for side in (one.truth, one.predicted):
        row = torch.zeros(1, 2)
        row[0, classifier.entry.labels.index(side.label)] = 1
        alone = compute_maps(seen.inspection, MapRequest(METHODS["gradcam"], row, {}, float("inf"))).grids[0]
        assert np.allclose(side.map, alone, rtol=1e-3, atol=1e-6)
        assert side.logit == pytest.approx(float(seen.logits[int(row.argmax())]))
    difference = np.subtract(one.predicted.map, one.truth.map)
    assert np.allclose(one.contrast, difference, rtol=1e-2, atol=1e-2 * np.abs(difference).max())


def test_images_of_unknown_labels_do_not_count_and_none_at_all_is_an_error(classifier: Classifier) -> None:
    with pytest.raises(TrainingError, match="a label of model 'tiny': healthy, ill"):
        mistakes(classifier, inspect_all(classifier, images("alien")), 3)


def test_a_method_that_does_not_exist_is_refused(classifier: Classifier) -> None:
    with pytest.raises(UnknownName, match="there is no method 'guess'"):
        mistakes(classifier, iter(()), 3, "guess")


def test_the_page_has_four_pictures_a_mistake_and_escapes_names(classifier: Classifier) -> None:
    hostile = [LabelledImage("<script>x</script>", one.label, one.pixels) for one in images()]
    found = mistakes(classifier, inspect_all(classifier, hostile), 3)
    text = page(found, "a <b>folder</b>", "tiny 1", "NOTICE & MORE")
    assert text.count("<img") == 12
    assert "<script" not in text
    assert "<b>folder" not in text
    assert "NOTICE &amp; MORE" in text
    assert text.count(' alt="') == 12


def test_the_images_that_excite_a_unit_are_those_with_its_largest_activation(classifier: Classifier) -> None:
    layer = classifier.cut
    everything = {seen.image.name: float(seen.inspection.A[0, 2].max()) for seen in inspect_all(classifier, images())}
    found = top_activations(inspect_all(classifier, images(), layer=layer), 2, 30, 4)
    expected = sorted(everything, key=lambda name: -everything[name])[:4]
    assert [top.image for top in found.report.top_activations] == expected
    assert [top.activation for top in found.report.top_activations] == [everything[name] for name in expected]
    _, region = found.pictures[0]
    assert region.any()
    assert "Top-activating images of unit 2" in activations_page(found, "images", "tiny 1", "")
