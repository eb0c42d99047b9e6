"""The bias report finds what is planted, is silent where nothing is, and says when it cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from service.collections.cells import cell_shares
from service.collections.collection import Collection, Item
from service.collections.item_builder import build_item
from service.collections.reports.bias import bias
from service.collections.reports.bias_report import Bias
from service.collections.reports.collected_evidence import collect_evidence, field_of
from service.collections.reports.evidence import Evidence
from service.collections.reports.stored_evidence import read_evidence
from service.models.registry import Registry
from service.runtime.batch_inference import InspectedImage, inspect_all
from service.settings import Settings
from service.training.labelled_images import generated
from service.training.render import Recipe
from tests.collections.marked import eyes, trained
from tests.collections.samples import fingerprint

SHIPPED_SIDE = 7


def field(n: int, side: int = SHIPPED_SIDE) -> np.ndarray:
    """A round field: the corners lie outside."""
    centre = (np.arange(side) + 0.5) / side - 0.5
    return np.repeat((np.hypot(*np.meshgrid(centre, centre)) < 0.5).astype(np.float32)[None], n, 0)


def evidence(n: int = 80, corner: float = 0.0, seed: int = 0, classes: int = 2) -> Evidence:
    """Classes that look at places of their own inside the field, and as far as `corner` says, into one corner."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    maps = 0.3 * random.normal(size=(n, classes, SHIPPED_SIDE, SHIPPED_SIDE))
    maps *= np.where(field(1)[0] > 0, 1.0, 0.1)
    for image, label in enumerate(labels):
        maps[image, label, 2 + label, 2 + label] += 4 * random.uniform(0.5, 1.5)
        maps[image, label, 6, 0] += corner * random.uniform(0.5, 1.5)
    names = tuple(f"class {k}" for k in range(classes))
    return Evidence(labels, maps.sum((2, 3)).argmax(1), maps, field(n), None, names)


def test_decisive_shares_add_to_one_and_attention_does() -> None:
    report = bias(evidence(classes=3))
    for class_report in report.classes:
        assert np.sum(class_report.decisive) == pytest.approx(1, abs=1e-2)
        assert np.sum(class_report.attention) == pytest.approx(1, abs=1e-2)


def test_classes_that_look_at_their_own_places_inside_are_no_bias_though_they_differ() -> None:
    report = bias(evidence())
    assert report.verdict == "not_found"
    assert {(one.row, one.column) for one in report.between_classes} >= {(2, 2), (3, 3)}
    assert not any(one.outside for one in report.between_classes if abs(one.effect) > 0.8)


def test_a_corner_that_decides_is_found_and_named() -> None:
    report = bias(evidence(corner=6.0))
    assert report.verdict == "found"
    assert "lower left" in report.reason
    assert {(spot.row, spot.column) for spot in report.hotspots} == {(6, 0)}


def test_evidence_that_is_the_same_in_every_corner_is_attention_and_decides_nothing() -> None:
    """An attention test alone would cry wolf here: most of the evidence lies outside."""
    one = evidence()
    one.maps[:, 0, 6, :] += 20.0
    one.maps[:, 1, 6, :] += 20.0
    report = bias(one)
    assert report.verdict == "not_found"
    assert report.classes[0].outside[0].attention > 0.5 > report.classes[0].outside[0].expected


def test_at_the_very_edge_of_what_counts_it_seldom_raises_an_alarm() -> None:
    alarms = 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        score = random.normal(size=(60, 1, 1))
        D = score / 49 + 0.02 * random.normal(size=(60, 7, 7)) * (1 + np.abs(score))
        maps = np.stack([-D, D], 1)
        one = Evidence(np.zeros(60, int), maps.sum((2, 3)).argmax(1), maps, field(60), None, ("a", "b"))
        alarms += bias(one).verdict == "found"
    assert alarms <= 16  # 5 % of 150 and three standard errors


def test_wrong_answers_that_look_elsewhere_are_found() -> None:
    one = evidence(120)
    wrong = np.arange(120) % 4 == 0  # of class 0
    one.maps[wrong, 0, 4, 5] += 9.0
    labels = np.where(wrong, 1, one.labels)
    report = bias(replace(one, labels=labels, predicted=np.arange(120) % 2))
    strongest = max(report.between_outcomes, key=lambda one: one.effect)
    assert (strongest.label, strongest.row, strongest.column) == ("class 0", 4, 5)
    assert strongest.effect > 0.9
    assert any("class 1" in text for text in report.untested)


def test_a_mask_of_the_user_has_an_outside_of_its_own() -> None:
    one = evidence()
    mask = np.zeros_like(one.field)
    mask[:, 2:4, 2:4] = 1
    regions = {o.region: o for o in bias(replace(one, mask=mask)).classes[1].outside}
    assert regions["mask"].expected == pytest.approx(1 - 4 / 49)
    assert regions["mask"].decisive.share < 0.3
    wrong_place = np.roll(mask, 3, (1, 2))
    report = bias(replace(one, field=np.ones_like(mask), mask=1 - wrong_place))
    assert [o.region for o in report.classes[0].outside] == ["mask"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: cut(one, 20), "20 images are too few"),
        (lambda one: replace(one, field=np.ones_like(one.field)), "fills every picture"),
        (lambda one: replace(one, maps=np.ones_like(one.maps)), "same scores"),
    ],
)
def test_it_says_when_it_cannot_tell(change, reason) -> None:  # type: ignore[no-untyped-def]
    report = bias(change(evidence()))
    assert report.verdict == "cannot_say"
    assert reason in report.reason
    assert Bias.model_validate_json(report.model_dump_json()) == report


def cut(one: Evidence, n: int) -> Evidence:
    return replace(one, labels=one.labels[:n], predicted=one.predicted[:n], maps=one.maps[:n], field=one.field[:n])


def test_the_mark_in_the_corner_is_found_in_a_model_that_learned_from_it() -> None:
    """Trained here, in seconds; from the images, and from what a collection keeps of them and of their masks."""
    classifier = trained(0.95)
    collection = Collection("marked", "marked", fingerprint("0" * 64, "4"), 48)
    kept: list[Item] = []

    def seen() -> Iterator[InspectedImage]:
        for one in inspect_all(classifier, eyes(9000, 60, 0.95)):
            item = build_item(one.inspection, b"", collection, one.image.name, one.image.label)
            shape = item.field.shape[0], item.field.shape[1]
            kept.append(replace(item, mask=cell_shares(field_of(one), shape).astype(np.float16)))
            yield one

    gathered = collect_evidence(classifier, seen())
    for evidence in (gathered.evidence, read_evidence(kept, classifier.entry.labels, rivals=True).evidence):
        report = bias(evidence)
        assert report.verdict == "found"
        assert report.hotspots[0].position == "lower left"
        assert report.classes[1].outside[0].decisive.share > 2 * report.classes[1].outside[0].expected


@pytest.mark.parametrize(("model", "kind"), [("glaucoma", "binary"), ("resnet18", "five")])
def test_no_alarm_over_models_that_learned_the_anatomy(tmp_path, model, kind) -> None:  # type: ignore[no-untyped-def]
    """Three sets of eyes each, one of them with a mark that these models never learned from."""
    registry = Registry(Settings(data_dir=tmp_path, engine="torch"))
    classifier = registry.load(model)
    for first, marker in ((4_000_000, 0.0), (4_100_000, 0.0), (4_200_000, 0.9)):
        report = bias(
            collect_evidence(classifier, inspect_all(classifier, generated(Recipe(kind, first, 30, marker)))).evidence
        )
        assert report.verdict == "not_found", report.reason
