"""Which layers of a network have feature maps to explain, and which one gives an image's vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from service.errors import DoesNotApply
from service.explain.heads import PooledLinear
from service.explain.tokens import spatial
from service.models.stages import INPUT, Network, Stage

POOLING = (nn.AdaptiveAvgPool2d, nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveMaxPool2d)

Shapes = Mapping[str, tuple[int, ...]]


def mapped(shape: tuple[int, ...]) -> bool:
    """Whether an output of this shape has places: maps [C, h, w] with more than one, or tokens [L, D]."""
    return (len(shape) == 2 and shape[0] > 1) or (len(shape) == 3 and shape[1] * shape[2] > 1)


def channels(shape: tuple[int, ...]) -> int:
    """How many numbers a layer gives for a place: of maps [C, h, w], tokens [L, D] or a vector [D]."""
    return shape[-1] if len(shape) == 2 else shape[0]


def feature_maps(network: Network, shapes: Shapes) -> tuple[str, ...]:
    """The layers with places that come from weights: an image whose colours were only shifted has no features."""
    found, learned = [], False
    for stage in network.stages:
        learned = learned or weighs(stage)
        if learned and stage.spatial is not False and mapped(shapes[stage.name]):
            found.append(stage.name)
    return tuple(found)


def weighs(stage: Stage) -> bool:
    """Whether a stage has a weight matrix or kernels."""
    return any(parameter.dim() > 1 for parameter in stage.module.parameters())


def last_map(network: Network, shapes: Shapes) -> str:
    """The last feature map that no pooling has coarsened and that weights still read; `input` where there is none.

    Where no weights read any of them (a network that averages one map a class), the last of all.
    """
    maps = [stage for stage in network.stages if stage.name in feature_maps(network, shapes)]
    maps = [stage for stage in maps if not isinstance(stage.module, POOLING)]
    weighing = [index for index, stage in enumerate(network.stages) if weighs(stage)]
    read = [stage for stage in maps if weighing and network.place(stage.name) <= weighing[-1]]
    return (read or maps)[-1].name if maps else INPUT


def vector_layer(network: Network, shapes: Shapes, default: str | None = None) -> str | None:
    """The layer right before the last linear one, or before the last weights of another kind: the image as a vector.

    default: the layer that the entry names; where there is no linear one, it is taken. None where the vector would be
    nothing but the image's own pixels.
    """
    linear = [index for index, stage in enumerate(network.stages) if isinstance(stage.module, nn.Linear)]
    weighing = [index for index, stage in enumerate(network.stages) if weighs(stage)]
    last = network.place(default) if default and not linear else (linear or weighing or [0])[-1]
    if not any(weighs(stage) for stage in network.stages[:last]):
        return None
    name = network.names[last]  # names has `input` first: one ahead of stages
    shape = shapes[name]
    if len(shape) == 3 and shape[1] * shape[2] > 1 and name not in feature_maps(network, shapes):
        return None
    return name


def without_unread_tokens(network: Network, x: Tensor) -> Network:
    """The network with tokens that nothing behind them reads marked as no map: behind the last block of a vision
    transformer only the class token is read."""
    shapes = network.shapes(tuple(x.shape[1:]))
    silent = set()
    for name in reversed(feature_maps(network, shapes)):
        if isinstance(network.stages[network.place(name) - 1].module, POOLING):
            continue
        if len(shapes[name]) != 2 or _reads_places(network, name, x[:2]):
            break
        silent.add(name)
    return Network(tuple(replace(one, spatial=False) if one.name in silent else one for one in network.stages))


def _reads_places(network: Network, name: str, x: Tensor) -> bool:
    """Whether there are tokens with a place, and logits depend on any of them."""
    try:
        with torch.no_grad():
            A, head = spatial(network.features(name)(x), network.head(name), (x.shape[-2], x.shape[-1]))
    except DoesNotApply:
        return False
    if isinstance(head, PooledLinear):
        return True
    with torch.enable_grad():
        A = A.detach().clone().requires_grad_()
        gradient = torch.autograd.grad(head(A).square().sum(), A, allow_unused=True)[0]
    return gradient is not None and bool((gradient != 0).any())
