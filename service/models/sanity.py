"""Whether a model's maps owe anything to what it has learned: they must change when that is destroyed, stage by stage.

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
from service.models.parity import Golden
from service.models.stages import Network

SURVIVES = 0.5
"""A mean rank correlation above this with every weight shuffled: the map shows the image rather than the model."""


@dataclass(frozen=True)
class Step:
    """One more stage without its knowledge. similarity: by method, -1 to 1; 0 where the map has become constant."""

    stage: str
    similarity: Mapping[str, float]


@dataclass(frozen=True)
class Sanity:
    """What became of the maps at `layer`, for the likeliest class of `images` images from `source` (see `Golden`).

    steps: from the last stage with weights to the first. changed: by method, whether its maps are others (mean rank
    correlation at most `SURVIVES`) once every weight is shuffled.
    """

    layer: str
    images: int
    source: str
    steps: tuple[Step, ...]
    changed: Mapping[str, bool]


@torch.no_grad()
def sanity(classifier: Classifier, golden: Golden) -> Sanity:
    """Shuffle a copy of the classifier's network from its last stage to its first, and look how the maps follow.

    Costs about half a forward a stage and image, on torch; the classifier itself stays as it is.
    """
    network, cut = classifier.network, classifier.cut
    inputs = [classifier.normalised(torch.from_numpy(golden.x))]
    for stage in network.stages:
        inputs.append(stage.module(inputs[-1]))
    A, target = inputs[network.place(cut)], _likeliest(inputs[-1])
    methods = _methods(A, network.head(cut), target)
    whole = _maps(methods, A, network.head(cut), target)
    stages, steps = list(network.stages), []
    for index in reversed(range(len(stages))):
        if not any(weights.dim() > 1 for weights in stages[index].module.parameters()):
            continue
        stages[index] = replace(stages[index], module=shuffled_copy(stages[index].module, seed=index))
        cascade = Network(tuple(stages))
        below = [stage.module for stage in stages[index : network.place(cut)]]  # none where the stage lies in the head
        broken = nn.Sequential(*below)(inputs[index]) if below else A
        steps.append(Step(stages[index].name, _similarity(whole, _maps(methods, broken, cascade.head(cut), target))))
    changed = {name: value <= SURVIVES for name, value in steps[-1].similarity.items()} if steps else {}
    return Sanity(cut, len(A), golden.source, tuple(steps), changed)


def _likeliest(logits: Tensor) -> Tensor:
    """One row an image, in the direction of its own answer; a single logit's sign tells its class. [N, K]."""
    if logits.shape[1] == 1:
        return torch.where(logits >= 0, 1.0, -1.0)
    return nn.functional.one_hot(logits.argmax(1), logits.shape[1]).float()


def _methods(A: Tensor, head: nn.Module, target: Tensor) -> list[Method]:
    """Those that cost no forward and apply to this head."""
    grid, behind = spatial(A[:1], head)
    cheap = [method for method in METHODS.values() if method.cheap]
    if not isinstance(behind, PooledLinear):
        cheap = [method for method in cheap if method.head == "any"]
    found = []
    for method in cheap:
        try:
            method.function(grid, behind, target[:1])
        except DoesNotApply:
            continue
        found.append(method)
    return found


def _maps(methods: list[Method], A: Tensor, head: nn.Module, target: Tensor) -> dict[str, Tensor]:
    return {method.name: method.function(*spatial(A, head), target) for method in methods}


def _similarity(whole: Mapping[str, Tensor], broken: Mapping[str, Tensor]) -> dict[str, float]:
    """Mean rank correlation over the images, by method."""
    return {
        name: sum(correlation(*pair) or 0.0 for pair in zip(maps, broken[name], strict=True)) / len(maps)
        for name, maps in whole.items()
    }
