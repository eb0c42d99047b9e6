"""What an explanation method is: a pure function of feature maps, head and target, with its paper and its price."""

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
    every target. Maps stay signed and unscaled; a method's final ReLU is left to whoever paints.
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
    reads: `features`: called with A and the head. `image`: called with `scene=` as well. `pixels`: A is the image and
    the head is the whole network, at the cut `input`; called with `scene=` as well.
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
    head: Head = "any"
    class_specific: bool = True
    contrasts: bool = False
    layers: str = "the last map; with several positions averaged into one weight, shallow layers lose the place"
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
    """How long a slow method may take, and how far it came. deadline: on the monotonic clock, in seconds."""

    deadline: float = float("inf")
    done: float = field(default=0.0, init=False)

    def chunks(self, total: int, size: int) -> Iterator[slice]:
        """Slices of at most `size` that cover `total`, until the deadline passes; the first is always given."""
        for start in range(0, total, size):
            if start and time.monotonic() > self.deadline:
                return
            stop = min(start + size, total)
            yield slice(start, stop)
            self.done = stop / total


@dataclass(frozen=True)
class Scene:
    """What methods that look again need beyond A.

    x: the normalised input [N or 1, 3, H, W]. forward: the whole network, x [B, 3, H, W] -> logits [B, K].
    deep: feature maps and the head behind them, for methods in pixels that also look deeper. measures: what a method
    says of its own map, one number a target.
    """

    x: Tensor
    forward: Callable[[Tensor], Tensor]
    deadline: Deadline = field(default_factory=Deadline)
    deep: tuple[Tensor, nn.Module] | None = None
    measures: dict[str, list[float]] = field(default_factory=dict)


def score(logits: Tensor, target: Tensor) -> Tensor:
    """The explained score of each row: logits [N or 1, K], target [N, K] -> [N]."""
    return (logits * target).sum(1)


def weighted(weights: Tensor, A: Tensor) -> Tensor:
    """Σ_k w_k A_k: weights [N, C], A [N or 1, C, h, w] -> [N, h, w]."""
    return torch.einsum("nc,nchw->nhw", weights, A.expand(len(weights), *A.shape[1:]))
