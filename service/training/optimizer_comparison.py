"""The lecture's table of optimizers, measured: one small network, the same batches, each at its best learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from service.training.digits import BATCH, CLASSES, FEATURES, Digits, as_tensor, feature_layers
from service.training.optimizers import OPTIMIZERS, Choice, state_bytes

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Learning rates tried, as multiples of the optimizer's own."""

EVERY = 5
"""Steps between two measurements of the loss."""

STEPS, TARGET = 150, 0.1


@dataclass(frozen=True)
class OptimizerResult:
    """One optimizer after `steps` steps at the best of `FACTORS`.

    state_bytes: what it stores for `parameters` parameters, counted in its own state. loss: mean cross-entropy over all
    training digits after the last step. steps_to_target: the first step measured at which the loss is at most the
    target; None where it never is. accuracy: the share of the digits held out that is recognised. curve: (step, loss),
    from before the first step.
    """

    name: str
    title: str
    parameters: int
    state_bytes: int
    tunable: tuple[str, ...]
    update: tuple[str, ...]
    learning_rate: float
    loss: float
    steps_to_target: int | None
    accuracy: float
    curve: tuple[tuple[int, float], ...]
    strengths: str
    weaknesses: str


@dataclass(frozen=True)
class Comparison:
    """All optimizers over the same `steps` batches of `batch_size` digits."""

    steps: int
    batch_size: int
    target: float
    seed: int
    results: tuple[OptimizerResult, ...]


def compare(
    steps: int = STEPS, target: float = TARGET, seed: int = 0, tick: Callable[[int], None] = lambda _: None
) -> Comparison:
    """Train from the same weights, on the same batches, with every optimizer of `OPTIMIZERS`.

    tick: counts finished trainings, of which there are `trainings()`.
    """
    train, held_out = Digits.halves()
    results = []
    for name, choice in OPTIMIZERS.items():
        tried = []
        for factor in FACTORS:
            rate = float(f"{choice.learning_rate * factor:.3g}")
            tried.append(_train(name, choice, rate, (train, held_out), steps, target, seed))
            tick(1)
        results.append(min(tried, key=lambda one: one.loss))
    return Comparison(steps, BATCH, target, seed, tuple(results))


def trainings() -> int:
    """How many networks a comparison trains."""
    return len(OPTIMIZERS) * len(FACTORS)


def _train(
    name: str, choice: Choice, rate: float, digits: tuple[Digits, Digits], steps: int, target: float, seed: int
) -> OptimizerResult:
    train, held_out = digits
    x, labels = as_tensor(train), torch.from_numpy(train.labels)
    model, generator = _network(seed), torch.Generator().manual_seed(seed)
    optimizer = choice.build(model.parameters(), lr=rate)
    curve = [(0, _loss(model, x, labels))]
    for step in range(1, steps + 1):
        chosen = torch.randint(len(x), (BATCH,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[chosen]), labels[chosen]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % EVERY == 0 or step == steps:
            curve.append((step, _loss(model, x, labels)))
    with torch.no_grad():
        predicted = model(as_tensor(held_out)).argmax(1).numpy()
    facts = choice.facts
    return OptimizerResult(
        name=name,
        title=facts.title,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        state_bytes=state_bytes(optimizer),
        tunable=facts.tunable,
        update=facts.update,
        learning_rate=rate,
        loss=curve[-1][1],
        steps_to_target=next((step for step, loss in curve if loss <= target), None),
        accuracy=float((predicted == held_out.labels).mean()),
        curve=tuple(curve),
        strengths=facts.strengths,
        weaknesses=facts.weaknesses,
    )


def _network(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(feature_layers(), nn.Linear(FEATURES, CLASSES))


@torch.no_grad()
def _loss(model: nn.Module, x: Tensor, labels: Tensor) -> float:
    """Mean cross-entropy; infinite where training has diverged."""
    loss = float(nn.functional.cross_entropy(model(x), labels))
    return loss if math.isfinite(loss) else math.inf


def plot(found: Comparison, path: Path) -> None:
    """Write a picture of the losses over the steps and of the state; the suffix says which format."""
    from matplotlib import colormaps  # noqa: PLC0415  a second to import, and only this needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 1))
    colours = colormaps["tab10"](range(len(found.results)))
    for one, colour in zip(found.results, colours, strict=True):
        steps, losses = zip(*one.curve, strict=True)
        left.plot(steps, losses, color=colour, label=f"{one.title}, rate {one.learning_rate:g}", linewidth=1.5)
    left.axhline(found.target, color="grey", linestyle=":", linewidth=1)
    left.set(yscale="log", xlabel=f"steps of {found.batch_size} digits", ylabel="training loss")
    left.legend(fontsize=8, frameon=False)
    _bars(right, found.results, list(colours))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Seven optimizers, the same network and batches, each at the best of five learning rates")
    figure.savefig(path, dpi=110)


def _bars(axes: object, results: Sequence[OptimizerResult], colours: Sequence[object]) -> None:
    places = range(len(results))
    bars = [one.state_bytes / one.parameters for one in results]
    axes.barh(places, bars, color=colours)  # type: ignore[attr-defined]
    axes.set(xlabel="state, bytes per parameter")  # type: ignore[attr-defined]
    axes.set_yticks(places, [one.title for one in results], fontsize=8)  # type: ignore[attr-defined]
    axes.invert_yaxis()  # type: ignore[attr-defined]
