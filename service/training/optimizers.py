"""The seven optimizers of the lecture, in one table, with what each stores for every parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from service.training.optimizer_facts import OPTIMIZER_FACTS, OptimizerFacts


class Lars(Optimizer):
    """Layer-wise adaptive rate scaling (You 2017, arXiv 1708.03888): each layer's step is scaled by trust · |w| / |g|.

    g includes weight decay; biases and normalisation (one-dimensional parameters) are neither decayed nor scaled.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 0.001,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is None:
                    continue
                g, rate = w.grad, group["lr"]
                if w.dim() > 1:
                    g = g + group["weight_decay"] * w
                    size, slope = w.norm(), g.norm()
                    if size > 0 and slope > 0:
                        rate = rate * float(group["trust"] * size / slope)
                velocity = self.state[w].setdefault("velocity", torch.zeros_like(w))
                velocity.mul_(group["momentum"]).add_(g, alpha=rate)
                w.sub_(velocity)


@dataclass(frozen=True)
class Choice:
    """An optimizer: what builds it from parameters and options, and its facts."""

    build: Callable[..., Optimizer]
    facts: OptimizerFacts

    @property
    def learning_rate(self) -> float:
        """A learning rate to start with."""
        return self.facts.learning_rate


BUILDERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "momentum": lambda p, **options: SGD(p, momentum=0.9, **options),
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "lars": Lars,
}
OPTIMIZERS = {name: Choice(BUILDERS[name], facts) for name, facts in OPTIMIZER_FACTS.items()}


def state_bytes(optimizer: Optimizer) -> int:
    """Bytes that an optimizer stores for the parameters, without step counters."""
    return sum(
        value.nbytes
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor) and value.dim() > 0
    )
