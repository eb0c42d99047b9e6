"""Collections and items that no model has seen, for tests of everything that stores and reads them."""

from __future__ import annotations

import numpy as np

from service.collections.collection import PIXEL_SIDE, Collection, Item
from service.collections.fingerprint import Fingerprint
from service.images.frame import Frame
from service.images.preprocessing import PREPROCESSING_VERSION

WEIGHTS = "9b" * 32


def fingerprint(weights: str = WEIGHTS, layer: str = "flatten", frame: Frame | None = None) -> Fingerprint:
    """A complete fingerprint."""
    return Fingerprint(
        weights_sha256=weights,
        layer=layer,
        map_layer="conv",
        network='{"architecture": "tiny"}',
        frame=frame or Frame(),
        preprocessing=PREPROCESSING_VERSION,
    )


def collection(name: str = "set", weights: str = WEIGHTS, dim: int = 8, layer: str = "flatten") -> Collection:
    """An empty collection of the model tiny."""
    return Collection(name, "tiny", fingerprint(weights, layer), dim)


def item(number: int, label: str = "ill") -> Item:
    """An item whose arrays follow from its number."""
    rng = np.random.default_rng(number)
    return Item(
        sha256=f"{number:064x}",
        name=f"{number}.jpg",
        label=label,
        predicted=1,
        probabilities=np.array([0.25, 0.75], np.float32),
        embedding=rng.normal(size=8).astype(np.float32),
        pixels=rng.integers(0, 256, (PIXEL_SIDE, PIXEL_SIDE, 3), np.uint8),
        unit_maxima=rng.normal(size=4).astype(np.float16),
        maps=rng.normal(size=(2, 3, 3)).astype(np.float16),
        mapped_classes=(1, 0),
        field=np.ones((3, 3), np.float16),
        thumbnail=bytes([number % 256]) * 50,
    )
