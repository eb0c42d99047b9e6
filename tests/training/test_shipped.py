"""The shipped models themselves: whole, as good as their cards say on fresh eyes, and looking where they should."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from service.explain.methods import METHODS
from service.images.decode import Limits, decode
from service.images.guard import FUNDUS_GUARD
from service.images.measures import measure
from service.models.classifier import Classifier
from service.models.registry import Registry
from service.models.scores import direction, probabilities
from service.settings import SHIPPED_REGISTRY, Settings
from service.training.data import FIRST_SEED, feature_maps, logits
from service.training.pointing_game import pointing
from service.training.render import FRAME, RENDERED, Recipe, Rendered
from service.training.report import auc, calibration_error, softmax

KINDS = {"glaucoma": "binary", "resnet18": "five", "densenet121": "five"}
FRESH = 9_000_000
"""Seeds that no training run has touched."""

RETINA = Path(__file__).parents[2] / "samples" / "retina.jpg"


@functools.cache
def classifier(name: str) -> Classifier:
    return Registry(Settings(registry=SHIPPED_REGISTRY, engine="torch", _env_file=None)).load(name)


@functools.cache
def fresh(kind: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    recipe = Recipe(kind, FRESH, count)
    photographs = [recipe.photograph(FRESH + index) for index in range(count)]
    pixels = np.stack([FRAME.apply(one.pixels, RENDERED, RENDERED)[0] for one in photographs])
    return pixels, np.array([recipe.labels.index(one.label) for one in photographs])


@pytest.mark.parametrize("name", KINDS)
def test_the_card_says_what_it_is_and_where_its_figures_come_from(name: str) -> None:
    entry = classifier(name).entry
    assert entry.card.notice == "SYNTHETIC, NOT FOR CLINICAL USE"
    assert "fovea train" in entry.card.training_data
    assert "0.77" in entry.card.do_not_use
    assert entry.guard == FUNDUS_GUARD
    figures = entry.card.figures
    assert float(figures["calibration_error"]) <= 0.03
    assert float(figures["gradcam_maximum_on_disc"]) >= 0.90
    first = {"glaucoma": ("auc", 0.97)}.get(name, ("accuracy", 0.93))
    assert float(str(figures[first[0]]).split()[0]) >= first[1]


def test_no_fresh_seed_is_a_training_seed() -> None:
    assert all(abs(FRESH - first) >= 1_000_000 for first in FIRST_SEED.values())


@pytest.mark.parametrize("name", KINDS)
def test_fresh_eyes_are_told_apart(name: str) -> None:
    model = classifier(name)
    pixels, classes = fresh(KINDS[name], 96)
    chances = softmax(logits(model, Rendered(pixels, classes)) / model.entry.temperature)
    assert auc(chances, classes) >= 0.95
    assert calibration_error(chances, classes) < 0.15  # 96 images know no better; the card's figure has 1500
    assert all(not model.entry.guard.reasons(measure(x)) for x in pixels[:60]) or (
        sum(bool(model.entry.guard.reasons(measure(x))) for x in pixels) <= 2
    )


@pytest.mark.parametrize("name", KINDS)
def test_the_maximum_for_glaucoma_falls_on_the_disc(name: str) -> None:
    found = pointing(classifier(name), Recipe(KINDS[name], FRESH, 80), "glaucoma")
    assert found.images >= 8
    assert found.rate >= 0.8


@pytest.mark.parametrize("name", KINDS)
def test_a_real_healthy_eye_is_called_normal(name: str) -> None:
    model = classifier(name)
    upright = decode(RETINA.read_bytes(), Limits())
    x, _ = model.entry.frame.apply(upright.pixels, upright.width, upright.height)
    assert model.entry.guard is not None
    assert model.entry.guard.reasons(measure(x)) == ()
    chances = probabilities(model.head(model.cut)(feature_maps(model, x[None]))[0], model.entry)
    assert model.entry.labels[int(chances.argmax())] == "normal"


def test_cam_on_a_shipped_model_adds_up_to_its_logit() -> None:
    model = classifier("glaucoma")
    pixels, _ = fresh("binary", 96)
    A, head = feature_maps(model, pixels[:4]), model.head(model.cut)
    target = direction(1, model.entry)[None].expand(4, -1)
    maps = METHODS["cam"].function(A, head, target)
    np.testing.assert_allclose((maps.mean((1, 2)) + head.bias[1]).numpy(), head(A)[:, 1].numpy(), rtol=1e-4, atol=1e-4)
