"""What a collection kept says the same as the images would."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.collections.collection import Collection, Item
from service.collections.item_builder import build_item
from service.collections.reports.collected_evidence import collect_evidence
from service.collections.reports.stored_evidence import bias_report_bytes, read_evidence
from service.collections.store.sqlite import SqliteStore
from service.errors import DoesNotApply
from service.jobs.job import ignore_progress
from service.models.classifier import Classifier
from service.models.registry import Registry
from service.runtime.batch_inference import inspect_all
from tests.collections.reports.test_mistakes import images
from tests.collections.samples import collection, fingerprint, item
from tests.models import tiny

LABELS = ("well", "ill")


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    tiny.add(tmp_path, "tiny", seed=3)
    return Registry(tiny.settings(tmp_path)).load("tiny")


def kept(classifier: Classifier, count: int) -> list[Item]:
    unfilled = Collection("set", "tiny", fingerprint(), 8, thumbnails=False)
    looks = inspect_all(classifier, images(n=count))
    return [build_item(seen.inspection, b"", unfilled, seen.image.name, seen.image.label) for seen in looks]


def test_evidence_is_that_of_the_images(classifier: Classifier) -> None:
    """Catches maps left in the order of likelihood, which differs from image to image."""
    wanted = collect_evidence(classifier, inspect_all(classifier, images(n=24)))
    found = read_evidence(kept(classifier, 24), classifier.entry.labels, rivals=True)
    assert len({one.mapped_classes for one in kept(classifier, 24)}) > 1
    assert found.evidence.labels.tolist() == wanted.evidence.labels.tolist()
    assert found.evidence.predicted.tolist() == wanted.evidence.predicted.tolist()
    np.testing.assert_allclose(found.evidence.maps, wanted.evidence.maps, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.evidence.field, wanted.evidence.field, atol=1e-3)
    assert found.backgrounds.keys() == wanted.backgrounds.keys()
    for label, picture in found.backgrounds.items():
        assert np.abs(picture.mean((0, 1)) - wanted.backgrounds[label].mean((0, 1))).max() < 1


def test_masks_count_where_every_image_has_one_and_else_that_is_said(tmp_path: Path) -> None:
    left = np.tile(np.array([1.0, 0.5, 0.0], np.float16), (3, 1))
    items = [replace(item(i), mask=left) for i in range(4)]
    assert read_evidence(items, LABELS, rivals=True).evidence.mask.shape == (4, 3, 3)  # type: ignore[union-attr]
    assert read_evidence([*items, item(9)], LABELS, rivals=True).evidence.mask is None
    with_one_less = report_of(tmp_path, [*items, item(9)])
    assert with_one_less["untested"][-1] == "the masks: 4 of 5 images have one, and all of them would need one"
    assert not any("mask" in one for one in report_of(tmp_path, items)["untested"])


def report_of(folder: Path, items: list[Item], form: str = "json") -> dict:  # type: ignore[type-arg]
    store = SqliteStore(folder)
    store.collections.create(collection(f"set{len(items)}"))
    store.items.add(f"set{len(items)}", items)
    store.close()
    arguments = {"location": str(folder), "collection": f"set{len(items)}", "labels": LABELS, "rivals": True}
    found = bias_report_bytes(arguments | {"model": "tiny 1", "notice": "drawn", "format": form}, ignore_progress)
    return json.loads(found) if form == "json" else {"page": found.decode()}


def test_labels_that_are_no_class_of_the_model_are_no_mistakes(tmp_path: Path) -> None:
    found = report_of(tmp_path, [item(i, "<script>alien</script>" if i % 2 else "ill") for i in range(6)])
    assert found["accuracy"] == 1.0
    page = report_of(tmp_path, [item(i, "<script>alien</script>") for i in range(7)], "html")["page"]
    assert "drawn" in page
    assert "<script" not in page


def test_what_cannot_be_recalled_says_why() -> None:
    with pytest.raises(DoesNotApply, match="no images"):
        read_evidence([], LABELS, rivals=True)
    with pytest.raises(DoesNotApply, match="3 classes, and a collection stores maps of the 2 likeliest"):
        read_evidence([item(0)], (*LABELS, "else"), rivals=True)
    with pytest.raises(DoesNotApply, match="no maps"):
        read_evidence([replace(item(0), mapped_classes=(), maps=np.zeros((0, 1, 1), np.float16))], LABELS, rivals=True)
