"""Admission in a simulated service: what is accepted waits no longer than the bound, at any speed and any load."""

from __future__ import annotations

import random
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pytest

from service.errors import Overloaded
from service.runtime import admission
from service.runtime.admission import Admission, StageTimer

BATCH = 16
MAX_WAIT = 2.0
DEADLINE = 30.0


@dataclass
class Simulation:
    """One server that computes batches of what waits, on a clock of its own. speed: images per second over time."""

    monkeypatch: pytest.MonkeyPatch
    now: float = 0.0
    timer: StageTimer = field(default_factory=StageTimer)
    waits: list[float] = field(default_factory=list)
    refused: list[Overloaded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.monkeypatch.setattr(admission.time, "monotonic", lambda: self.now)
        self.admission = Admission(MAX_WAIT, DEADLINE, [self.timer])

    def run(self, arrivals: list[float], speed: dict[float, float]) -> None:
        """Answer arrivals at these times. speed: from a time on -> images per second."""
        waiting: deque[tuple[float, ExitStack]] = deque()
        pending = deque(arrivals)
        busy_until, running, measured = 0.0, list[tuple[float, ExitStack]](), ExitStack()
        while pending or waiting or running:
            arrives = pending[0] if pending else float("inf")
            self.now = max(self.now, min(arrives, busy_until if running else float("inf")))
            if running and busy_until <= arrives:
                measured.close()
                for arrived, accepted in running:
                    accepted.close()
                    self.waits.append(self.now - arrived)
                running = []
            elif pending:
                self._arrive(pending.popleft(), waiting)
            if waiting and not running:
                running = [waiting.popleft() for _ in range(min(BATCH, len(waiting)))]
                rate = [value for since, value in speed.items() if since <= self.now][-1]
                busy_until, measured = self.now + len(running) / rate, ExitStack()
                measured.enter_context(self.timer.measure(len(running)))

    def _arrive(self, at: float, waiting: deque[tuple[float, ExitStack]]) -> None:
        accepted = ExitStack()
        try:
            accepted.enter_context(self.admission.accept(1))
        except Overloaded as error:
            self.refused.append(error)
        else:
            waiting.append((at, accepted))


def poisson(rate: float, seconds: float, seed: int = 0) -> list[float]:
    chance, at, times = random.Random(seed), 0.0, list[float]()
    while (at := at + chance.expovariate(rate)) < seconds:
        times.append(at)
    return times


@pytest.mark.parametrize("capacity", [250.0, 25.0, 2.5])
def test_at_twice_the_capacity_accepted_requests_wait_at_most_the_bound(
    monkeypatch: pytest.MonkeyPatch, capacity: float
) -> None:
    simulation = Simulation(monkeypatch)
    simulation.run(poisson(2 * capacity, 60), {0.0: capacity})
    assert np.percentile(simulation.waits, 99) <= MAX_WAIT + 1 + 1 / capacity
    assert max(simulation.waits) < DEADLINE
    assert len(simulation.waits) >= 0.9 * capacity * 60
    assert len(simulation.refused) >= 0.3 * 2 * capacity * 60


@pytest.mark.parametrize("capacity", [250.0, 25.0])
def test_below_the_capacity_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, capacity: float) -> None:
    simulation = Simulation(monkeypatch)
    simulation.run(poisson(0.7 * capacity, 60), {0.0: capacity})
    assert not simulation.refused


def test_a_machine_that_becomes_ten_times_slower_loses_nothing_that_was_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulation = Simulation(monkeypatch)
    simulation.run(poisson(50, 120), {0.0: 25.0, 30.0: 2.5, 90.0: 25.0})
    assert max(simulation.waits) < DEADLINE
    assert len(simulation.waits) >= 0.85 * (60 * 25 + 60 * 2.5)  # it is fast again within seconds


def test_a_burst_on_a_slow_machine_is_accepted_as_far_as_it_can_be_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(monkeypatch)
    simulation.run(poisson(3, 20), {0.0: 3.0})
    first = len(simulation.waits)
    simulation.run([simulation.now + 0.001 * number for number in range(400)], {0.0: 3.0})
    assert 4 <= len(simulation.waits) - first <= 16
    assert max(simulation.waits) <= MAX_WAIT + 2


def test_refusals_say_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(monkeypatch)
    simulation.run([0.0001 * number for number in range(400)], {0.0: 25.0})
    for error in simulation.refused:
        assert "images are waiting, which takes about" in str(error)
        assert 0 < error.retry_after < DEADLINE


def test_a_request_with_many_images_is_not_refused_for_its_own_sake() -> None:
    timer = StageTimer(first_seconds=1.0)
    accepting = Admission(MAX_WAIT, DEADLINE, [timer])
    with accepting.accept(16), pytest.raises(Overloaded, match="16 images are waiting"):
        accepting.check()
    accepting.check()


def test_what_cannot_be_answered_before_the_deadline_is_refused() -> None:
    accepting = Admission(MAX_WAIT, DEADLINE, [StageTimer(first_seconds=3.0)])
    with pytest.raises(Overloaded, match="the 16 images of the request would take about 48 s"), accepting.accept(16):
        pass
    with accepting.accept(1):
        pass


def test_a_call_that_fails_leaves_nothing_behind() -> None:
    timer = StageTimer()
    with pytest.raises(ZeroDivisionError), timer.measure(2):
        raise ZeroDivisionError
    assert timer.seconds < 1


def test_a_call_that_hangs_counts_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(admission.time, "monotonic", lambda: now)
    timer = StageTimer(parallel=2)
    with timer.measure():
        now = 10.0
        assert timer.seconds == 5.0
