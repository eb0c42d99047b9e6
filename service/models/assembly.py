"""From a network as it is to stages that compute the same: by hand, as the entry names them, or traced.

Whatever the way, the stages answer for a model only after they have answered as the model does.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from torch import Tensor, nn

from service.errors import RegistryError
from service.models.architecture import outputs
from service.models.endings import Ending, check_activation, checked
from service.models.entry import Entry
from service.models.equivalence import Answers, StagesDiffer, answers, check
from service.models.faults import failed_forward, own_words
from service.models.layers import without_unread_tokens
from service.models.logits import LogitsOf, UnclearOutputError
from service.models.named_stages import named
from service.models.stages import Network, Stage, has_family, stages
from service.models.tracing.recorder import UntraceableError
from service.models.tracing.trace import trace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Assembled:
    """A network as stages, and what a reader of the model should know of how it came about."""

    network: Network
    notes: tuple[str, ...] = ()


def assemble(model: nn.Module, entry: Entry, x: Tensor, known: bool = False) -> Assembled:
    """The stages of a network in evaluation mode, with its weights.

    x: images of all kinds [N, C, H, W], five at least. known: stages by hand have been compared with this network
    before. Raises RegistryError where the network cannot take the images, gives no logits, or cannot be cut.
    """
    by_hand = has_family(model) and not entry.stages
    if by_hand and known:
        return Assembled(Network(stages(model)))
    ask = LogitsOf(model, outputs(entry))
    if by_hand and ":" not in entry.architecture:
        return _official(model, ask, entry, x)
    expected = _answers(ask, entry, x)
    if entry.stages:
        ending = named(model, ask, entry, expected)
    else:
        ending = (_by_hand(model, expected) if by_hand else None) or _traced(model, ask, entry, expected, x)
    check_activation(ending, entry, expected.logits[1])
    return Assembled(without_unread_tokens(ending.network, x), (ending.note,) * bool(ending.note))


def _official(model: nn.Module, ask: LogitsOf, entry: Entry, x: Tensor) -> Assembled:
    """A classifier of torchvision's own, whose stages by hand the tests compare: here a few images will do."""
    network = Network(stages(model))
    check(network, _answers(ask, entry, x[:3], alone=1))
    return Assembled(network)


def _answers(ask: LogitsOf, entry: Entry, x: Tensor, alone: int | None = None) -> Answers:
    """The network's own answers. Raises RegistryError in words where it cannot take the images."""
    try:
        first = ask(x[:1].clone())
    except UnclearOutputError as error:
        raise RegistryError(str(error)) from error
    except Exception as error:  # whatever a user's forward raises
        log.info("the forward of model %s failed", entry.name, exc_info=error)
        raise RegistryError(failed_forward(ask.model, entry, x[:1], error)) from error
    if first.shape != (1, ask.outputs):
        given = " x ".join(map(str, first.shape[1:])) or "1"
        raise RegistryError(
            f"the network gives {given} numbers for an image, and the entry has {len(entry.labels)} labels, which with"
            f" activation = {entry.activation!r} need {ask.outputs}; correct the labels or the builder's arguments"
        )
    try:
        return answers(ask, x, alone)
    except RegistryError:
        raise
    except Exception as error:
        log.info("the forward of model %s failed", entry.name, exc_info=error)
        raise RegistryError(
            f"the network answers one image, but not three at a time ({own_words(error)}); write its forward for any"
            " number of images"
        ) from error


def _by_hand(model: nn.Module, expected: Answers) -> Ending | None:
    """The stages of a family of torchvision; None where a part of the network was exchanged for another."""
    try:
        return checked(Network(stages(model)), expected)
    except Exception as error:  # noqa: BLE001  a part that does not fit may raise anything
        log.info("stages by hand do not fit, the network is traced: %s", error)
        return None


def _traced(model: nn.Module, ask: LogitsOf, entry: Entry, expected: Answers, x: Tensor) -> Ending:
    """The stages of a network that is recorded on the images x."""
    remedy = (
        "write that part of its forward with functions of PyTorch on tensors, or name `stages` in the entry: submodules"
        " that, called in order, are the whole forward"
    )
    try:
        parts = trace(model, ask, x, entry.layout)
    except UntraceableError as error:
        raise RegistryError(f"the network cannot be cut into stages: {error}; {remedy}") from error
    try:
        return checked(Network(tuple(Stage(one.name, one.module, one.spatial, one.shape) for one in parts)), expected)
    except StagesDiffer as error:
        raise RegistryError(f"the network cannot be cut into stages: {error}; {remedy}") from error
    except Exception as error:
        log.info("the traced stages of model %s failed", entry.name, exc_info=error)
        raise RegistryError(f"the network cannot be cut into stages: {own_words(error)}; {remedy}") from error
