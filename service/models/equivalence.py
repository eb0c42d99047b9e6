"""Whether the stages of a network compute what the network computes: tried on images when a model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from service.errors import RegistryError
from service.explain.heads import PooledLinear
from service.models.stages import INPUT, Clone, Network

TOLERANCE = 1e-4
"""The largest difference of logits, as a share of the largest logit."""

NEGLIGIBLE = 1e-6
"""A difference of logits that moves no probability by more than 2.5e-7: rounding, where every logit is near zero."""


class StagesDiffer(RegistryError):
    """The stages compute something else than the network; the text names the first that does."""


@dataclass(frozen=True)
class Answers:
    """What a network answers by itself. x: images [N, C, H, W]. logits [≤ N, K]: by the number of images in a batch."""

    x: Tensor
    logits: dict[int, Tensor]


def answers(ask: Callable[[Tensor], Tensor], x: Tensor, alone: int | None = None) -> Answers:
    """The network's own answers to every image in batches of three, and to the first `alone` (None: all) by itself.

    Raises RegistryError where it answers differently when it is asked again, or in other company.
    """
    found = Answers(x, {3: torch.cat(list(_batched(ask, x, 3))), 1: torch.cat(list(_batched(ask, x[:alone], 1)))})
    one = found.logits[1]
    if _far(found.logits[3][: len(one)], one):
        if _far(found.logits[3], torch.cat(list(_batched(ask, x, 3)))):
            raise RegistryError(
                "the network gives another answer each time it is asked for the same image: something in it is random"
                " at inference, such as a dropout with training=True; switch that off in its forward"
            )
        raise RegistryError(
            "the network's answer for an image depends on the other images of its batch (a softmax along axis 0, or"
            " statistics of the batch); let each image be computed for itself"
        )
    return found


@torch.no_grad()
def protected(network: Network, x: Tensor) -> Network:
    """The same network with a copy in front of every stage that writes to its input."""
    stages, A = [], x.clone()
    for stage in network.stages:
        version = A._version
        given = stage.module(A)
        writes = A._version != version
        stages.append(replace(stage, module=nn.Sequential(Clone(), stage.module)) if writes else stage)
        A = given
    return Network(tuple(stages))


@torch.no_grad()
def check(network: Network, expected: Answers, finish: Callable[[Tensor], Tensor] = lambda logits: logits) -> None:
    """Raise StagesDiffer unless all stages in order, and every pooled linear head, give the network's own answers.

    finish: what the network does to its logits behind the last stage. The other heads are these very stages.
    """
    for size, own in expected.logits.items():
        for start in range(0, len(own), size):
            part = slice(start, start + size)
            for cut, logits in _by_cut(network, expected.x[part]):
                wanted = own[part]
                if logits.shape != wanted.shape or _far(finish(logits), wanted, own):
                    raise StagesDiffer(f"the stages do not compute what the network computes: {_where(cut)}")


def _by_cut(network: Network, x: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The logits by way of every cut whose head is not simply the stages behind it, and those of all stages."""
    A = x
    for name, stage in zip(network.names, network.stages, strict=False):
        head = network.head(name)
        if isinstance(head, PooledLinear):
            yield name, head(A)
        A = stage.module(A)
    yield INPUT, A


def _where(cut: str) -> str:
    if cut == INPUT:
        return "after the last one, its logits differ"
    return f"behind {cut!r} Fovea takes the head for a mean and a linear layer, which it is not"


@torch.no_grad()
def first_difference(network: Network, model: nn.Module, ask: Callable[[Tensor], Tensor], x: Tensor) -> str:
    """Which stage is the first whose output is not what the submodule of its name gives in the network, in words."""
    own: dict[str, list[Tensor]] = {}
    handles = []
    for name, module in model.named_modules():

        def keep(_: nn.Module, __: Any, output: Any, name: str = name) -> None:
            own.setdefault(name, []).append(output.clone() if isinstance(output, Tensor) else output)

        handles.append(module.register_forward_hook(keep))
    try:
        ask(x.clone())
    finally:
        for handle in handles:
            handle.remove()
    known = dict(model.named_modules())
    A = x.clone()
    for stage in network.stages:
        A = stage.module(A.clone())
        if stage.name in known and stage.name not in own:
            return f"its forward never calls {stage.name!r}"
        if stage.name in own and all(not isinstance(one, Tensor) or _other(A, one) for one in own[stage.name]):
            times = len(own[stage.name])
            again = f", which its forward calls {times} times" if times > 1 else ""
            return f"they part at {stage.name!r}{again}"
    return f"they part behind {network.stages[-1].name!r}, in what its forward does itself"


def _other(a: Tensor, b: Tensor) -> bool:
    return a.shape != b.shape or _far(a, b)


def _far(found: Tensor, wanted: Tensor, scale: Tensor | None = None) -> bool:
    """Whether two tensors differ by more than the tolerance; NaN and Inf must be in the same places."""
    largest = torch.nan_to_num((wanted if scale is None else scale).abs(), posinf=0.0).max()
    return not torch.allclose(found, wanted, rtol=0, atol=max(float(TOLERANCE * largest), NEGLIGIBLE), equal_nan=True)


def _batched(ask: Callable[[Tensor], Tensor], x: Tensor, size: int) -> Iterator[Tensor]:
    with torch.no_grad():
        for start in range(0, len(x), size):
            yield ask(x[start : start + size].clone())
