"""Methods that look again take turns with predictions, and neither starves the other."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from service.models.classifier import Classifier
from service.models.entry import Entry
from service.runtime.features import Features
from tests.models import tiny

CARD = {"intended_use": "tests", "do_not_use": "else", "training_data": "none", "licence": "Apache-2.0"}
TURN = 0.02  # seconds one call of the engine takes


class Slow:
    """An engine whose every call takes a turn; it writes down what it was called for."""

    name, precision = "slow", "f32"

    def __init__(self, engine: Any) -> None:
        self.engine, self.calls = engine, list[str]()
        self.busy = 0

    def features(self, x: Tensor, cut: str) -> Tensor:
        return self._take("predict", self.engine.features, x, cut)

    def forward(self, x: Tensor, cut: str) -> Tensor:
        return self._take("look again", self.engine.forward, x, cut)

    def _take(self, what: str, call: Any, x: Tensor, cut: str) -> Tensor:
        self.busy += 1
        assert self.busy == 1, "two calls at one time"
        time.sleep(TURN)
        self.calls.append(what)
        result: Tensor = call(x, cut)
        self.busy -= 1
        return result


def classifier() -> tuple[Classifier, Slow]:
    entry = Entry.model_validate(
        {
            "name": "tiny",
            "architecture": "tests.models.tiny:network",
            "weights": "tiny.safetensors",
            "sha256": "0" * 64,
            "labels": ["healthy", "ill"],
            "frame": {"resize": 16, "crop": 16},
            "card": CARD,
        }
    )
    built = Classifier.build(entry, tiny.weights(0), "0" * 64, "torch")
    engine = Slow(built.engine)
    object.__setattr__(built, "engine", engine)
    return built, engine


async def test_a_slow_method_and_predictions_take_turns() -> None:
    model, engine = classifier()
    running = Features(0, threads=1, batch_size=1, batch_wait=0, queue_size=64)
    running.start()
    x, turn = np.zeros((16, 16, 3), np.uint8), running.run_between_batches
    with ThreadPoolExecutor(1) as lane:
        slow = lane.submit(lambda: [turn(model.forward, torch.zeros(2, 3, 16, 16)) for _ in range(15)])
        for i in range(15):
            await running.get(model, model.cut, str(i), x, time.monotonic() + 30)
        await asyncio.wrap_future(slow)
    await running.close()
    middle = engine.calls[3:20]
    assert middle.count("predict") >= 5
    assert middle.count("look again") >= 5


async def test_a_prediction_waits_for_one_turn_at_most() -> None:
    model, engine = classifier()
    running = Features(0, threads=1, batch_size=1, batch_wait=0, queue_size=64)
    running.start()
    turn = running.run_between_batches
    with ThreadPoolExecutor(1) as lane:
        slow = lane.submit(lambda: [turn(model.forward, torch.zeros(2, 3, 16, 16)) for _ in range(20)])
        await asyncio.sleep(3 * TURN)
        before = len(engine.calls)
        await running.get(model, model.cut, "a", np.zeros((16, 16, 3), np.uint8), time.monotonic() + 30)
        after = engine.calls.index("predict")
        await asyncio.wrap_future(slow)
    await running.close()
    assert after - before <= 2
