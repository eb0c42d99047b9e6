"""Every method on every family: what came of it, and the table of docs/methods.md that says so.

python -m tests.explain.matrix        prints the table
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from service.errors import DoesNotApply
from service.explain.heads import PooledLinear
from service.explain.method import Deadline, Method, MethodContext
from service.explain.methods import METHODS
from service.explain.tokens import spatial
from service.models.layers import last_map
from service.models.stages import INPUT
from tests.models.zoo import CLASSES, FAMILIES, built

QUICK: dict[str, dict[str, object]] = {
    "smoothgrad": {"samples": 2},
    "integrated-gradients": {"steps": 8},
    "occlusion": {"window": 32, "stride": 32},
}
"""Parameters that make a method cheap; its laws hold for any."""


@functools.cache
def target(family: str) -> Tensor:
    """The likeliest class of the family's first image, [1, K]: SqueezeNet's others may be dead."""
    model, _, x = built(family)
    with torch.no_grad():
        return nn.functional.one_hot(model(x[:1]).argmax(1), CLASSES).float()


@dataclass(frozen=True)
class Cell:
    """A map [1, h, w] of a method on a family, with what it was made from. M is None where the method refused."""

    method: Method
    A: Tensor
    head: nn.Module
    context: MethodContext
    M: Tensor | None


@functools.cache
def layer(family: str) -> str:
    """The default layer of a family."""
    _, network, x = built(family)
    size = 139 if family == "inception_v3" else x.shape[-1]
    return last_map(network, network.shapes(size))


@functools.lru_cache(maxsize=3)
def deep(family: str, start: int, stop: int) -> tuple[Tensor, nn.Module]:
    """The feature maps of some images at the default layer of a family, and the head that reads them."""
    _, network, x = built(family)
    cut = layer(family)
    with torch.no_grad():
        return spatial(network.features(cut)(x[start:stop]), network.head(cut), (x.shape[-2], x.shape[-1]))


def cell(family: str, name: str, rows: slice = slice(0, 1)) -> Cell:
    """One method on one family, at the family's default layer or in pixels."""
    method, (_, network, x) = METHODS[name], built(family)
    x, whole, maps = x[rows], network.head(INPUT), deep(family, rows.start, rows.stop)
    A, head = (x, whole) if method.reads == "pixels" else maps
    deadline = 0.0 if name == "scorecam" else float("inf")  # the first masks are enough to see that it works
    context = MethodContext(x, torch.no_grad()(whole.forward), Deadline(deadline), maps)
    arguments = QUICK.get(name, {}) | ({"context": context} if method.reads != "features" else {})
    if method.head == "pooled-linear" and not isinstance(head, PooledLinear):
        return Cell(method, A, head, context, None)
    try:
        return Cell(method, A, head, context, method.function(A, head, target(family).expand(len(x), -1), **arguments))
    except DoesNotApply:
        return Cell(method, A, head, context, None)


def table() -> str:
    """The table of docs/methods.md: a dot where a method applies at the default layer."""
    lines = ["| family | " + " | ".join(f"`{name}`" for name in METHODS) + " |", "|---" * (len(METHODS) + 1) + "|"]
    for family in FAMILIES:
        marks = ["●" if cell(family, name).M is not None else "" for name in METHODS]
        lines.append(f"| {family} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201
