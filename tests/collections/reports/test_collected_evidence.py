"""From looks to arrays: maps that add up to logits, shares of cells, the field of view known or found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.collections.cells import cell_shares
from service.collections.reports.collected_evidence import MAX_CLASSES, all_class_maps, collect_evidence, field_of
from service.errors import DoesNotApply, TrainingError
from service.models.classifier import Classifier
from service.models.registry import Registry
from service.runtime.batch_inference import LabelledImage, inspect_all
from tests.collections.marked import FRAME, eyes
from tests.collections.reports.test_mistakes import images
from tests.models import tiny


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    tiny.add(tmp_path, "tiny", seed=3)
    return Registry(tiny.settings(tmp_path)).load("tiny")


def test_the_sum_of_a_class_map_and_the_bias_are_the_logit(classifier: Classifier) -> None:
    bias = tiny.weights(3)["5.bias"].numpy()
    for seen in inspect_all(classifier, images(n=5)):
        assert np.allclose(
            all_class_maps(seen.inspection).sum((1, 2)) + bias, seen.logits.numpy(), rtol=1e-4, atol=1e-5
        )


def test_a_cell_has_the_share_of_it_that_is_covered() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:3] = True
    assert cell_shares(mask, (2, 4)).tolist() == [[0.75] * 4, [0.0] * 4]
    assert cell_shares(np.ones((10, 10), bool), (3, 3)) == pytest.approx(np.ones((3, 3)))
    assert cell_shares(mask, (3, 3)).mean() == pytest.approx(mask.mean(), abs=1e-6)


def test_a_field_that_is_found_is_nearly_the_one_that_was_drawn(classifier: Classifier) -> None:
    entry = classifier.entry.model_copy(update={"frame": FRAME.model_copy(update={"field_of_view": True})})
    for seen in inspect_all(replace(classifier, entry=entry), eyes(20, 8, 0.5)):
        drawn = field_of(seen)
        bare = replace(seen, image=LabelledImage("", "", seen.image.pixels))
        assert (field_of(bare) ^ drawn).mean() < 0.06


def test_a_model_that_looks_for_no_field_has_it_everywhere(classifier: Classifier) -> None:
    (seen,) = inspect_all(classifier, images(n=1))
    assert field_of(seen).all()


def test_labels_answers_and_mean_images_are_those_of_the_images(classifier: Classifier) -> None:
    found = collect_evidence(classifier, inspect_all(classifier, images(n=6)))
    assert found.evidence.labels.tolist() == [0, 1] * 3
    assert found.evidence.mask is None
    answers = [int(seen.logits.argmax()) for seen in inspect_all(classifier, images(n=6))]
    assert found.evidence.predicted.tolist() == answers
    first = [
        seen.inspection.prepared.x
        for seen in inspect_all(classifier, images(n=6))
        if int(seen.logits.argmax()) == answers[0]
    ]
    label = classifier.entry.labels[answers[0]]
    assert np.abs(found.backgrounds[label] - np.mean(first, axis=0)).max() <= 0.5
    assert (
        collect_evidence(classifier, inspect_all(classifier, images("alien", 3))).evidence.labels.tolist() == [-1] * 3
    )


def test_what_cannot_be_gathered_says_why(classifier: Classifier) -> None:
    with pytest.raises(TrainingError, match="has no mask 'disc'; it has none"):
        collect_evidence(classifier, inspect_all(classifier, images(n=2)), "disc")
    with pytest.raises(TrainingError, match="no images"):
        collect_evidence(classifier, iter(()))
    entry = classifier.entry.model_copy(update={"labels": tuple(map(str, range(MAX_CLASSES + 1)))})
    (seen,) = inspect_all(classifier, images(n=1))
    with pytest.raises(DoesNotApply, match="101 classes; maps of all classes are made for at most 100"):
        all_class_maps(replace(seen.inspection, classifier=replace(classifier, entry=entry)))
