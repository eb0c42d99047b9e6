"""A network that ends in a softmax or a sigmoid gives probabilities; what lies in front of those are its logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from service.errors import RegistryError
from service.models.entry import Entry
from service.models.equivalence import Answers, check, protected
from service.models.stages import Network, Stage
from service.models.tracing.stage import TracedStage

ENDINGS: dict[str, tuple[Callable[[Tensor], Tensor], tuple[str, ...]]] = {
    "Softmax": (lambda logits: logits.softmax(1), ("softmax",)),
    "LogSoftmax": (lambda logits: logits.log_softmax(1), ("softmax",)),
    "Sigmoid": (torch.sigmoid, ("sigmoid", "single-logit")),
}
"""Name of a last layer -> what it computes, and the activations of entries that say the same."""

FUNCTIONS = {"softmax": "Softmax", "log_softmax": "LogSoftmax", "sigmoid": "Sigmoid", "expit": "Sigmoid"}
PASSIVE = (nn.Identity, nn.Flatten, nn.Dropout)


@dataclass(frozen=True)
class Ending:
    """What a network does to its logits. network: its stages up to the logits. name: of the last layer, "" for none."""

    network: Network
    name: str = ""

    @property
    def finish(self) -> Callable[[Tensor], Tensor]:
        """logits [N, K] -> what the network itself gives."""
        return ENDINGS[self.name][0] if self.name else (lambda logits: logits)

    @property
    def note(self) -> str:
        """What a reader of the model should know; empty where there is nothing."""
        return f"The network's last layer, {self.name}, is left out: Fovea applies it to the logits." * bool(self.name)


def without_activation(network: Network) -> Ending:
    """The network without the softmax or sigmoid at its end, where it has one."""
    stages = list(network.stages)
    place = len(stages) - 1
    while place > 0 and _is_passive(stages[place].module):
        place -= 1
    name = _name(stages[place].module)
    if not name:
        return Ending(network)
    inner = stages[place].module
    kept = [Stage(stages[place].name, inner[:-1])] if isinstance(inner, nn.Sequential) and len(inner) > 1 else []
    return Ending(Network((*stages[:place], *kept, *stages[place + 1 :])), name)


def checked(network: Network, expected: Answers) -> Ending:
    """The network up to its logits. Raises StagesDiffer where that is not what answered."""
    ending = without_activation(protected(network, expected.x[:1]))
    check(ending.network, expected, ending.finish)
    return ending


def check_activation(ending: Ending, entry: Entry, logits: Tensor) -> None:
    """Raise RegistryError where a network's own activation and the entry's are not one and the same.

    logits: what the network itself gave for images of all kinds, [N, K].
    """
    if ending.name and entry.activation not in ENDINGS[ending.name][1]:
        fitting = " or ".join(f'activation = "{one}"' for one in ENDINGS[ending.name][1])
        raise RegistryError(
            f"the network ends in {ending.name}, and the entry says activation = {entry.activation!r}; write {fitting}"
        )
    if ending.name:
        return
    kind = _kind(logits)
    inside = _activations(ending.network)
    if kind == "shares" or (kind == "probabilities" and inside):
        what = "add up to 1" if kind == "shares" else f"lie between 0 and 1 behind its {inside}"
        raise RegistryError(
            f"the network gives probabilities (on every image that was tried they {what}), and Fovea would apply"
            f" {entry.activation} to them once more; let it return its logits, without the activation at its end"
        )


def _kind(values: Tensor) -> str:
    """What numbers [N, K] of all kinds of images are like: shares that add up to 1, probabilities, or anything."""
    if not bool(torch.isfinite(values).all()) or values.amin() < 0 or values.amax() > 1:
        return ""
    adds_up = values.shape[1] > 1 and bool((values.sum(1) - 1).abs().max() < 1e-4)
    return "shares" if adds_up else "probabilities"


def _activations(network: Network) -> str:
    """The name of a softmax or sigmoid behind the last weights; empty where there is none."""
    for stage in reversed(network.stages):
        for module in stage.module.modules():
            name = FUNCTIONS.get(getattr(module, "title", ""), type(module).__name__)
            if name in ENDINGS:
                return name
        if any(True for _ in stage.module.parameters()):
            return ""
    return ""


def _name(module: nn.Module) -> str:
    """What a stage ends in: the key in `ENDINGS`, or nothing."""
    if isinstance(module, nn.Sequential) and len(module):
        return _name(module[-1])
    if isinstance(module, (nn.Softmax, nn.LogSoftmax)) and module.dim not in {1, -1, None}:
        return ""
    name = FUNCTIONS.get(getattr(module, "title", ""), type(module).__name__)
    if isinstance(module, TracedStage) and len(module.steps) == 1:
        step = module.steps[0]
        name = (
            FUNCTIONS.get(getattr(module.get_submodule(step.run), "title", ""), "") if isinstance(step.run, str) else ""
        )
    return name if name in ENDINGS else ""


def _is_passive(module: nn.Module) -> bool:
    functions = isinstance(module, TracedStage) and not any(isinstance(step.run, str) for step in module.steps)
    return isinstance(module, PASSIVE) or functions
