"""The small network of the digits example: it learns what it has not seen, the same from the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from service.training.digits import Digits, Network, distorted

FEW = 8
"""Epochs; the example takes ten times as many."""


@pytest.fixture(scope="module", autouse=True)
def alone() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(Digits.halves()[0], 0, lambda: None, FEW)


def test_halves_share_no_digit_and_hold_all() -> None:
    learn, held = Digits.halves()
    assert (len(learn.labels), len(held.labels)) == (898, 899)
    for half in (learn, held):
        assert half.pixels.shape[1:] == (8, 8)
        assert (half.pixels.min(), half.pixels.max()) == (0, 1)
        assert np.bincount(half.labels).min() > 80
    theirs = {one.tobytes() for one in learn.pixels}
    assert not any(one.tobytes() in theirs for one in held.pixels)


def test_what_was_held_out_is_called_by_its_name(network: Network) -> None:
    """Fails where labels and pixels are not shuffled together (tried)."""
    learn, held = Digits.halves()
    assert network.accuracy(held) > 0.75
    features = network.features(held)
    assert (features.shape, features.dtype) == ((899, 64), np.float32)
    assert features.min() >= 0
    assert held.like(learn) == pytest.approx(0.961, abs=0.001)


def test_the_same_seed_gives_the_same_network_and_leaves_chance_to_others() -> None:
    learn, held = Digits.halves()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (Network(learn, seed, lambda: None, 1).features(held) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_distortions_keep_the_digit() -> None:
    """Tried: a turn by a right angle, of which some digits are others."""
    _, held = Digits.halves()
    x = torch.from_numpy(held.pixels)[:, None]
    moved = distorted(x, torch.Generator().manual_seed(0))
    assert moved.shape == x.shape
    assert float(moved.min()) >= 0
    assert float(moved.max()) <= 1
    assert not torch.equal(moved, x)
    like = Digits(moved[:, 0].numpy(), held.labels).like(held)
    assert like > 0.75
