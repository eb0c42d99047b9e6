"""Whether the maps of a model depend on its weights: they must change when the weights are shuffled, stage by stage.

The cascading randomisation of Adebayo et al. 2018 (arXiv 1810.03292): the weights of the last stage are shuffled, then
those of the last two, and so on down to the first, and each time the maps are compared with those of the whole model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from service.errors import DoesNotApply
from service.explain.heads import PooledLinear
from service.explain.method import Method
from service.explain.methods import METHODS
from service.explain.module_copies import shuffled_copy
from service.explain.quality import correlation
from service.explain.tokens import spatial
from service.models.classifier import Classifier
from service.models.parity import GoldenImages
from service.models.stages import Network

MAX_CORRELATION = 0.5
"""A map whose mean rank correlation is above this with all weights shuffled shows the image rather than the model."""


@dataclass(frozen=True)
class Step:
    """One more stage with shuffled weights. similarity: by method, -1 to 1; 0 if the map has become constant."""

    stage: str
    similarity: Mapping[str, float]


@dataclass(frozen=True)
class Sanity:
    """How the maps at `layer` changed, for the most probable class of `images` images from `source`.

    source: see `GoldenImages`. steps: from the last stage with weights to the first. changed: by method, whether the
    mean rank correlation is at most `MAX_CORRELATION` with all weights shuffled.
    """

    layer: str
    images: int
    source: str
    steps: tuple[Step, ...]
    changed: Mapping[str, bool]


@torch.no_grad()
def sanity(classifier: Classifier, golden: GoldenImages) -> Sanity:
    """Shuffle a copy of the classifier's network from its last stage to its first, and compare the maps each time.

    Costs about half a forward per stage and image, on torch. The classifier itself stays unchanged.
    """
    network, cut = classifier.network, classifier.with_maps()
    inputs = [classifier.normalised(torch.from_numpy(golden.x))]
    size = classifier.entry.frame.shape
    for stage in network.stages:
        inputs.append(stage.module(inputs[-1]))
    A, target = inputs[network.place(cut)], _predicted(inputs[-1])
    methods = _methods(A, network.head(cut), target, size)
    original = _maps(methods, A, network.head(cut), target, size)
    stages, steps = list(network.stages), []
    for index in reversed(range(len(stages))):
        if not any(weights.dim() > 1 for weights in stages[index].module.parameters()):
            continue
        stages[index] = replace(stages[index], module=shuffled_copy(stages[index].module, seed=index))
        cascade = Network(tuple(stages))
        below = [stage.module for stage in stages[index : network.place(cut)]]  # none where the stage lies in the head
        shuffled_A = nn.Sequential(*below)(inputs[index]) if below else A
        steps.append(
            Step(stages[index].name, _similarity(original, _maps(methods, shuffled_A, cascade.head(cut), target, size)))
        )
    changed = {name: value <= MAX_CORRELATION for name, value in steps[-1].similarity.items()} if steps else {}
    return Sanity(cut, len(A), golden.source, tuple(steps), changed)


def _predicted(logits: Tensor) -> Tensor:
    """The direction of the predicted class, one row per image: [N, K]. The sign of a single logit is its class."""
    if logits.shape[1] == 1:
        return torch.where(logits >= 0, 1.0, -1.0)
    return nn.functional.one_hot(logits.argmax(1), logits.shape[1]).float()


def _methods(A: Tensor, head: nn.Module, target: Tensor, size: tuple[int, int]) -> list[Method]:
    """The cheap methods that apply to this head."""
    grid, spatial_head = spatial(A[:1], head, size)
    cheap = [method for method in METHODS.values() if method.cheap]
    if not isinstance(spatial_head, PooledLinear):
        cheap = [method for method in cheap if method.head == "any"]
    applicable = []
    for method in cheap:
        try:
            method.function(grid, spatial_head, target[:1])
        except DoesNotApply:
            continue
        applicable.append(method)
    return applicable


def _maps(
    methods: list[Method], A: Tensor, head: nn.Module, target: Tensor, size: tuple[int, int]
) -> dict[str, Tensor]:
    return {method.name: method.function(*spatial(A, head, size), target) for method in methods}


def _similarity(original: Mapping[str, Tensor], changed: Mapping[str, Tensor]) -> dict[str, float]:
    """Mean rank correlation over the images, by method."""
    return {
        name: sum(correlation(*pair) or 0.0 for pair in zip(maps, changed[name], strict=True)) / len(maps)
        for name, maps in original.items()
    }
