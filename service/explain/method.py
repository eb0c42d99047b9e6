"""What an explanation method is: a pure function of feature maps, head and target, with its paper and its cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

Count = int | Literal["per channel", "per sample", "per step", "per position"]
"""How often a network runs: a number, or once for each feature map, noisy sample, step or covered position."""

Reads = Literal["features", "image", "pixels"]
"""What a method works on: feature maps; feature maps and the image; or the image alone, pixel by pixel."""

Head = Literal["any", "pooled-linear"]
"""The head a method requires: any, or global average pooling followed by one linear layer."""


class Explain(Protocol):
    """A [N or 1, C, h, w], head: A -> logits [N, K], target [N, K] -> raw signed map [N, h, w].

    A target is a direction in logit space: the explained score of row n is y_n = target_n · logits_n. One class is a
    one-hot row, a contrast subtracts others, the negative side of a single-logit model is −1. A with one row serves
    every target. Maps stay signed and unscaled; a method's final ReLU is applied when the heatmap is painted.
    """

    def __call__(self, A: Tensor, head: nn.Module, target: Tensor, /, **parameters: object) -> Tensor: ...


class NoParameters(BaseModel):
    """The method has no parameters of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Method:
    """One row of the table of methods.

    summary: what it answers, in a sentence.
    forwards: runs of the whole network beyond the one that gives A. head_forwards: runs of the head alone.
    reads: `features`: called with A and the head. `image`: called with `context=` as well. `pixels`: A is the image and
    the head is the whole network, at the cut `input`; called with `context=` as well.
    deep: a method in pixels that reads the feature maps of the layer as well.
    head: the head that it requires behind the layer.
    box_threshold: the fraction of the maximum above which its authors draw a box.
    class_specific: whether the map depends on the target.
    contrasts: takes `versus=` itself; other methods are given the difference of the directions.
    known: the only modules it has a rule for; empty where it needs none.
    layers: which layers suit it, in words.
    """

    name: str
    function: Callable[..., Tensor]
    title: str
    paper: str
    formula: str
    summary: str
    forwards: Count = 0
    head_forwards: Count = 1
    reads: Reads = "features"
    deep: bool = False
    head: Head = "any"
    class_specific: bool = True
    contrasts: bool = False
    layers: str = "the last map; the weights are averages over positions, so shallow layers lose the location"
    box_threshold: float = 0.15
    parameters: type[BaseModel] = NoParameters
    known: tuple[type[nn.Module], ...] = ()

    @property
    def slow(self) -> bool:
        """Whether the number of forwards grows with feature maps, samples, steps or positions."""
        return isinstance(self.forwards, str)

    @property
    def cheap(self) -> bool:
        """Whether one run of the head is all it costs beyond A."""
        return self.forwards == 0 and self.head_forwards == 1


@dataclass
class Deadline:
    """The time at which a slow method stops, and how much of its work it has completed by then.

    at: in seconds on the monotonic clock. completed: 0 to 1.
    """

    at: float = float("inf")
    completed: float = field(default=0.0, init=False)

    def chunks(self, total: int, size: int) -> Iterator[slice]:
        """Slices of at most `size` that cover `total`, until the deadline passes; the first one always comes."""
        for start in range(0, total, size):
            if start and time.monotonic() > self.at:
                return
            stop = min(start + size, total)
            yield slice(start, stop)
            self.completed = stop / total


@dataclass(frozen=True)
class MethodContext:
    """What methods need beyond A and the head if they run the network again.

    x: the normalised input [N or 1, C, H, W]. forward: the whole network, x [B, C, H, W] -> logits [B, K].
    deep: feature maps and the head behind them at the layer asked for, for pixel-level methods that use both.
    measures: filled by the method with figures about its own map, one number per target.
    """

    x: Tensor
    forward: Callable[[Tensor], Tensor]
    deadline: Deadline = field(default_factory=Deadline)
    deep: tuple[Tensor, nn.Module] | None = None
    measures: dict[str, list[float]] = field(default_factory=dict)


def score(logits: Tensor, target: Tensor) -> Tensor:
    """The explained score of each row: logits [N or 1, K], target [N, K] -> [N]."""
    return (logits * target).sum(1)


def weighted_sum(weights: Tensor, A: Tensor) -> Tensor:
    """Σ_k w_k A_k: weights [N, C], A [N or 1, C, h, w] -> [N, h, w]."""
    return torch.einsum("nc,nchw->nhw", weights, A.expand(len(weights), *A.shape[1:]))
