"""Collections whose vectors come in clouds, one a label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import Collection
from service.collections.fingerprint import Fingerprint
from service.collections.store.sqlite import SqliteStore
from tests.collections.samples import fingerprint, item

DIM, CLOUDS = 16, 4


def cloudy(count: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors float32 [N, 16] and the cloud of each [N]."""
    centres, random = np.random.default_rng(99).normal(size=(CLOUDS, DIM)) * 3, np.random.default_rng(seed)
    which = random.integers(0, CLOUDS, count)
    return (centres[which] + random.normal(size=(count, DIM))).astype(np.float32), which


def fill(
    store: SqliteStore, count: int, name: str = "set", model: str = "tiny", seen_by: Fingerprint | None = None
) -> list[int]:
    """A collection of such vectors, labelled by cloud, every tenth without a label; the items' numbers."""
    vectors, which = cloudy(count)
    store.collections.create(Collection(name, model, seen_by or fingerprint(layer="4"), DIM))
    labels = ["" if i % 10 == 9 else f"cloud {which[i]}" for i in range(count)]
    items = [replace(item(i, labels[i]), embedding=vectors[i]) for i in range(count)]
    return [one.id for one in store.items.add(name, items)] if items else []
