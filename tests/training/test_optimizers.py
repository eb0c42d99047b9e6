"""The lecture's table: what each optimizer remembers, and that each learns."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from service.training.optimizers import OPTIMIZERS, Lars, state_bytes
from service.training.schedules import SCHEDULES


def test_the_table_is_the_lectures() -> None:
    expected = {"sgd": 0, "momentum": 4, "adagrad": 4, "rmsprop": 4, "adam": 8, "adamw": 8, "lars": 4}
    assert {name: choice.facts.state_bytes for name, choice in OPTIMIZERS.items()} == expected


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_takes_the_bytes_the_table_says_and_the_loss_falls(name: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    x = torch.randn(64, 8)
    classes = (x[:, 0] > 0).long()
    choice = OPTIMIZERS[name]
    optimizer = choice.build(model.parameters(), lr=choice.learning_rate, weight_decay=0.0)
    losses = []
    for _ in range(200):
        loss = nn.functional.cross_entropy(model(x), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert state_bytes(optimizer) == choice.facts.state_bytes * count
    assert losses[-1] < 0.7 * losses[0]


def test_a_lars_step_is_trust_times_the_size_of_the_layer() -> None:
    weight = nn.Parameter(torch.full((2, 2), 3.0))
    bias = nn.Parameter(torch.ones(2))
    optimizer = Lars([weight, bias], lr=1.0, momentum=0.0, trust=0.01)
    (1000 * weight.sum() + 2 * bias.sum()).backward()
    optimizer.step()
    assert float((weight.detach() - 3).norm()) == pytest.approx(0.01 * 6)  # |w| = 6, whatever the gradient
    assert bias.tolist() == [-1, -1]


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_stay_between_nothing_and_the_top(name: str) -> None:
    factors = [SCHEDULES[name](i / 1000) for i in range(1000)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert max(factors) == pytest.approx(1)
    if name != "constant":
        assert factors[0] < 0.1
        assert factors[-1] < 0.01
