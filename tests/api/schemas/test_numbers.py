"""float32 as JSON: the same bits come back, and no shorter decimal would give them."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from service.api.schemas.numbers import decimals


def samples() -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    edges = np.array([0, -0.0, 0.1, 1 / 3, 1, -1, 1e-45, 1.2e-38, 3.4028235e38, 16777217, 1e10, 5e-324], np.float32)
    return np.concatenate([bits[np.isfinite(bits)], random.normal(size=5000).astype(np.float32), edges])


def test_the_same_float32_comes_back_through_json() -> None:
    values = samples()
    back = np.array(json.loads(json.dumps(decimals(values))), np.float32)
    assert np.array_equal(back.view(np.uint32), values.view(np.uint32))


def test_no_more_digits_than_numpy_itself_needs() -> None:
    values = samples()
    values = values[(np.abs(values) > 1e-13) & (np.abs(values) < 1e22)]
    assert len(values) > 10_000
    assert decimals(values) == [float(str(value)) for value in values]


def test_shape_is_kept() -> None:
    assert decimals(np.zeros((2, 3), np.float32)) == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert decimals(np.array([0.1, -2, 3e-9], np.float32)) == [0.1, -2.0, 3e-09]
