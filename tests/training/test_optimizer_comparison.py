"""The measured table, and the page about it: its rules are the optimizers' own."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from service.training import optimizer_comparison
from service.training.optimizer_comparison import compare, plot, trainings
from service.training.optimizers import OPTIMIZERS

PAGE = (Path(__file__).parents[2] / "docs" / "optimizers.md").read_text(encoding="utf-8")


def rules() -> dict[str, object]:
    """The functions of the page by name."""
    space: dict[str, object] = {"np": np}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, space)
    return space


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("shape", [(3, 4), (5,)], ids=["matrix", "bias"])
def test_the_code_of_the_page_moves_parameters_as_the_optimizer_does(name: str, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    start, gradients = random.normal(size=shape), random.normal(size=(12, *shape))
    parameter = nn.Parameter(torch.from_numpy(start.copy()))
    options = {"weight_decay": 0.01} if name in {"adamw", "lars"} else {}
    optimizer = OPTIMIZERS[name].build([parameter], lr=OPTIMIZERS[name].learning_rate, **options)
    rule, w, state = rules()[name], start, defaultdict(float)
    for t, g in enumerate(gradients, 1):
        parameter.grad = torch.from_numpy(g)
        optimizer.step()
        w = rule(w, g, state, t)  # type: ignore[operator]
        np.testing.assert_allclose(parameter.detach().numpy(), w, rtol=1e-9)
    assert np.abs(w - start).max() > 1e-4


def test_the_page_has_a_section_and_a_row_for_every_optimizer() -> None:
    for choice in OPTIMIZERS.values():
        assert f"### {choice.facts.title}\n" in PAGE
        assert re.search(rf"^\| {re.escape(choice.facts.title)} \|", PAGE, re.MULTILINE)


def test_the_figures_are_those_of_the_real_optimizers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizer_comparison, "FACTORS", (1.0, 1e9))
    monkeypatch.setattr(optimizer_comparison, "EVERY", 2)
    ticks: list[int] = []
    found = compare(steps=4, target=10.0, tick=ticks.append)
    assert sum(ticks) == trainings() == 14
    assert [one.name for one in found.results] == list(OPTIMIZERS)
    for one in found.results:
        facts = OPTIMIZERS[one.name].facts
        assert one.state_bytes == facts.state_bytes * one.parameters
        assert one.learning_rate == facts.learning_rate  # the other diverges
        assert [step for step, _ in one.curve] == [0, 2, 4]
        assert one.curve[0] == found.results[0].curve[0]  # the same first weights
        assert one.steps_to_target == 0
        assert one.loss == one.curve[-1][1]
    assert compare(steps=4, target=0.0).results[0].steps_to_target is None
    plot(found, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.width > 1000
