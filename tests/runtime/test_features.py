"""One forward for one image, however many ask, and never another image's features."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from service.errors import DeadlineExceeded
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.runtime.features import Features
from tests.models import tiny

MIB = 2**20
CARD = {"intended_use": "tests", "do_not_use": "else", "training_data": "none", "licence": "Apache-2.0"}


class Counting:
    """An engine that counts its forwards and the images in them, and can be held up."""

    name, precision = "counting", "f32"

    def __init__(self, engine: Any) -> None:
        self.engine, self.batches, self.delay = engine, list[int](), 0.0

    def features(self, x: Tensor, cut: str) -> Tensor:
        self.batches.append(len(x))
        time.sleep(self.delay)
        maps: Tensor = self.engine.features(x, cut)
        return maps


def classifier(seed: int = 0, name: str = "tiny") -> Classifier:
    entry = Entry.model_validate(
        {
            "name": name,
            "architecture": "tests.models.tiny:network",
            "weights": "tiny.safetensors",
            "sha256": "0" * 64,
            "labels": ["healthy", "ill"],
            "frame": {"resize": 16, "crop": 16},
            "card": CARD,
        }
    )
    built = Classifier.build(entry, tiny.weights(seed), f"{seed:064d}", "torch")
    return replace(built, engine=Counting(built.engine))


def image(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def soon() -> float:
    return time.monotonic() + 30


@asynccontextmanager
async def features(cache_bytes: int = MIB) -> AsyncIterator[Features]:
    running = Features(cache_bytes, threads=1, batch_size=4, batch_wait=0, queue_size=64)
    running.start()
    yield running
    await running.close()


async def test_a_second_look_costs_no_forward() -> None:
    model = classifier()
    async with features() as running:
        first = await running.get(model, model.cut, "a", image(0), soon())
        second = await running.get(model, model.cut, "a", image(0), soon())
    assert model.engine.batches == [1]
    assert torch.equal(first, second)


async def test_many_at_once_share_one_forward() -> None:
    model = classifier()
    async with features() as running:
        maps = await asyncio.gather(*(running.get(model, model.cut, "a", image(0), soon()) for _ in range(10)))
    assert model.engine.batches == [1]
    assert all(torch.equal(A, maps[0]) for A in maps)


async def test_without_a_cache_every_question_is_computed() -> None:
    model = classifier()
    async with features(0) as running:
        for _ in range(3):
            await running.get(model, model.cut, "a", image(0), soon())
    assert sum(model.engine.batches) == 3


@pytest.mark.parametrize("cache_bytes", [0, MIB])
async def test_batched_features_are_each_images_own(cache_bytes: int) -> None:
    models = [classifier(0, "one"), classifier(1, "two")]
    async with features(cache_bytes) as running:
        asked = [(models[i % 2], i % 7) for i in range(60)]
        got = await asyncio.gather(*(running.get(m, m.cut, str(i), image(i), soon()) for m, i in asked))
    for (model, i), A in zip(asked, got, strict=True):
        expected = model.engine.engine.features(torch.from_numpy(image(i)[None]), model.cut)
        torch.testing.assert_close(A, expected, rtol=1e-5, atol=1e-6)


async def test_weights_layer_frame_and_image_each_make_another_key() -> None:
    model, other = classifier(0), classifier(1)
    async with features() as running:
        await running.get(model, "2", "a", image(0), soon())
        await running.get(model, "1", "a", image(0), soon())
        await running.get(model, "2", "b", image(1), soon())
        await running.get(other, "2", "a", image(0), soon())
    assert len(model.engine.batches) == 3
    assert len(other.engine.batches) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"frame": {"resize": 24, "crop": 16}},
        {"frame": {"resize": 16, "crop": 16, "mean": (0.5, 0.5, 0.5)}},
        {"frame": {"resize": 16, "crop": 16, "std": (0.5, 0.5, 0.5)}},
        {"arguments": {"classes": 2}},
    ],
)
async def test_a_model_read_again_with_the_same_weights_shares_no_maps_with_its_old_self(
    change: dict[str, Any],
) -> None:
    """Fails where mean and standard deviation are left out, for they do not change x (it did)."""
    old = classifier(0)
    entry = Entry.model_validate(old.entry.model_dump() | change)
    new = replace(old, entry=entry, engine=Counting(old.engine.engine))
    async with features() as running:
        for model in (old, new, old, new):
            await running.get(model, "2", "a", image(0), soon())
    assert (old.engine.batches, new.engine.batches) == ([1], [1])


async def test_one_who_leaves_takes_nothing_from_those_who_stay() -> None:
    model = classifier()
    model.engine.delay = 0.1
    async with features() as running:
        asked = [asyncio.create_task(running.get(model, model.cut, "a", image(0), soon())) for _ in range(3)]
        await asyncio.sleep(0.02)
        asked[0].cancel()
        stayed = await asyncio.gather(*asked[1:])
        assert torch.equal(*stayed)
        assert model.engine.batches == [1]


async def test_a_failure_is_not_remembered() -> None:
    model = classifier()
    async with features() as running:
        with pytest.raises(DeadlineExceeded):
            await running.get(model, model.cut, "a", image(0), time.monotonic() - 1)
        assert (await running.get(model, model.cut, "a", image(0), soon())).shape[0] == 1


async def test_cached_features_do_not_hold_their_whole_batch() -> None:
    model = classifier()
    model.engine.delay = 0.05
    async with features() as running:
        maps = await asyncio.gather(*(running.get(model, model.cut, str(i), image(i), soon()) for i in range(5)))
    assert max(model.engine.batches) > 1
    assert all(A.untyped_storage().nbytes() == A.nbytes for A in maps)
