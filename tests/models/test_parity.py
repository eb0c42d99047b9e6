"""An engine answers only where it says what torch says in float32, and the model tells how well it does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from service.engines import choice
from service.engines.engine import Plan
from service.engines.torch import TorchEngine
from service.errors import WeightsError
from service.models import parity
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.runtime.describe import describe
from tests.models import tiny

CARD = {"intended_use": "tests", "do_not_use": "else", "training_data": "none", "licence": "Apache-2.0"}


def entry(**more: object) -> Entry:
    return Entry.model_validate(
        {
            "name": "tiny",
            "architecture": "tests.models.tiny:network",
            "weights": "tiny.safetensors",
            "sha256": "0" * 64,
            "labels": ["healthy", "ill"],
            "frame": {"resize": 16, "crop": 16},
            "card": CARD,
        }
        | more
    )


def build(engine: str, precision: str = "f32", folder: Path | None = None, **more: object) -> Classifier:
    return Classifier.build(entry(**more), tiny.weights(0), "0" * 64, engine, precision, 1, None, folder)


@dataclass
class Off:
    """An engine that is wrong by a factor, and names itself as asked."""

    plan: Plan
    precision: str
    factor: float
    name: str = "openvino"

    def features(self, x: Tensor, cut: str) -> Tensor:
        return TorchEngine(self.plan).features(x, cut) * self.factor

    def forward(self, x: Tensor, cut: str) -> Tensor:
        return TorchEngine(self.plan).forward(x, cut) * self.factor


def swapped(monkeypatch: pytest.MonkeyPatch, **factors: float) -> None:
    monkeypatch.setitem(choice.BUILDERS, "openvino", lambda plan, precision: Off(plan, precision, factors[precision]))
    monkeypatch.setattr(choice, "has_bf16", lambda: True)


def test_torch_in_float32_is_the_reference_itself() -> None:
    assert build("torch").parity is None


def test_openvino_tells_how_near_it_came() -> None:
    classifier = build("openvino")
    assert classifier.engine.name == "openvino"
    assert classifier.parity is not None
    assert (classifier.parity.passed, classifier.parity.top1_equal, classifier.parity.source) == (True, True, "drawn")
    assert classifier.parity.features <= 1e-5
    assert describe(classifier).parity == classifier.parity


@pytest.mark.parametrize("factor", [1.05, 0.0, float("nan")])
def test_bf16_that_differs_gives_way_to_f32(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    swapped(monkeypatch, f32=1.0, bf16=factor)
    classifier = build("openvino", "bf16")
    assert (classifier.engine.name, classifier.engine.precision) == ("openvino", "f32")
    assert classifier.parity is not None
    assert not classifier.parity.passed
    assert "bf16 differs" in classifier.parity.reason


def test_an_engine_that_differs_in_f32_gives_way_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    swapped(monkeypatch, f32=1.001, bf16=1.05)
    classifier = build("openvino", "bf16")
    assert (classifier.engine.name, classifier.engine.precision) == ("torch", "f32")
    assert classifier.parity is not None
    assert "f32 differs" in classifier.parity.reason


def test_bf16_within_its_bound_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    swapped(monkeypatch, f32=1.0, bf16=1.001)
    classifier = build("openvino", "bf16")
    assert (classifier.engine.precision, classifier.parity and classifier.parity.passed) == ("bf16", True)


def test_without_bf16_instructions_f32_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "has_bf16", lambda: False)
    classifier = build("openvino", "bf16")
    assert classifier.engine.precision == "f32"
    assert classifier.parity is not None
    assert "no bf16 instructions" in classifier.parity.reason


def test_golden_images_are_framed_as_the_model_sees_them(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    found = parity.golden_images(entry(golden=["one.png"]), tmp_path)
    assert found.source == "golden"
    assert np.array_equal(found.x[0], pixels)


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_golden_image_that_cannot_be_read_names_itself(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "one.png").write_bytes(content)
    with pytest.raises(WeightsError, match=r"one\.png"):
        build("torch", folder=tmp_path, golden=["one.png"])


def test_drawn_images_are_the_same_every_time_and_not_alike() -> None:
    assert np.array_equal(parity.drawn_images((32, 32)), parity.drawn_images((32, 32)))
    assert min(parity.drawn_images((32, 32)).std((1, 2)).max(1)) > 10


def test_the_same_weights_of_a_users_own_code_are_not_taken_from_the_cache(tmp_path: Path) -> None:
    Classifier.build(entry(), tiny.weights(0), "0" * 64, "openvino", "f32", 1, tmp_path)
    assert not list(tmp_path.iterdir())


def test_maps_and_logits_fit_each_other() -> None:
    classifier = build("openvino")
    x = torch.from_numpy(parity.drawn_images((16, 16)))
    A = classifier.engine.features(x, classifier.cut)
    torch.testing.assert_close(
        classifier.head(classifier.cut)(A), classifier.forward(classifier.normalised(x)), rtol=1e-4, atol=1e-5
    )
