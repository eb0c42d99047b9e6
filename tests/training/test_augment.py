"""What augmentation may change and what it may not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from service.training import augment
from service.training.augment import augmented

SPREADS = ("TURN", "SCALE", "SHIFT", "BRIGHTNESS", "CONTRAST", "GAIN")


def pictures(count: int = 8) -> Tensor:
    return torch.rand(count, 3, 24, 24, generator=torch.Generator().manual_seed(5)) * 0.6 + 0.2


def drawn(x: Tensor, seed: int = 1) -> Tensor:
    return augmented(x, torch.Generator().manual_seed(seed))


def only(monkeypatch: pytest.MonkeyPatch, **spreads: float) -> None:
    for name in SPREADS:
        monkeypatch.setattr(augment, name, spreads.get(name, 0.0))


def test_without_spread_an_image_is_itself_or_its_mirror_image(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch)
    x = pictures(32)
    out = drawn(x)
    kept = [torch.allclose(a, b, atol=1e-5) for a, b in zip(out, x, strict=True)]
    mirrored = [torch.allclose(a, b.flip(-1), atol=1e-5) for a, b in zip(out, x, strict=True)]
    assert all(one != other for one, other in zip(kept, mirrored, strict=True))
    assert 6 < sum(mirrored) < 26


def test_turning_keeps_the_centre_and_the_distance_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, TURN=0.5)
    y, x = torch.meshgrid(torch.arange(25) - 12.0, torch.arange(25) - 12.0, indexing="ij")
    rings = torch.exp(-((torch.hypot(x, y) - 5) ** 2) / 8).expand(6, 3, 25, 25)
    assert float((drawn(rings) - rings)[..., 4:-4, 4:-4].abs().max()) < 0.06


def test_brightness_multiplies_and_gain_tints(monkeypatch: pytest.MonkeyPatch) -> None:
    x = pictures()
    only(monkeypatch, BRIGHTNESS=0.2)
    means = drawn(x).mean((1, 2, 3)) / x.mean((1, 2, 3))
    assert float(means.min()) >= 0.8 - 1e-4
    assert float(means.max()) <= 1.2 + 1e-4
    assert float(means.std()) > 0.03
    only(monkeypatch, GAIN=0.1)
    tints = drawn(x).mean((2, 3)) / x.mean((2, 3))
    assert float((tints - 1).abs().max()) <= 0.1 + 1e-4
    assert float(tints.std(1).min()) > 0


def test_images_of_a_batch_are_changed_each_in_its_own_way() -> None:
    out = drawn(pictures(1).expand(6, -1, -1, -1))
    assert len({one.numpy().tobytes() for one in out}) == 6


def test_what_was_given_is_left_alone() -> None:
    x = pictures()
    before = x.clone()
    drawn(x)
    assert torch.equal(x, before)
