"""A network cut into the stages that its entry names."""

from __future__ import annotations

import logging
from dataclasses import replace

import torch
from torch import Tensor, nn

from service.errors import RegistryError
from service.models.endings import Ending, checked
from service.models.entry import Entry
from service.models.equivalence import Answers, StagesDiffer, first_difference
from service.models.faults import own_words
from service.models.logits import LogitsOf
from service.models.stages import Network, stages
from service.models.tracing.stage import Permuted
from service.models.tracing.trace import AXES, by_shape

LAST = (nn.Linear, nn.LayerNorm, nn.MultiheadAttention)
"""Modules that work along the last axis: what is behind them are tokens [N, L, D]."""

log = logging.getLogger(__name__)


def named(model: nn.Module, ask: LogitsOf, entry: Entry, expected: Answers) -> Ending:
    """The stages that the entry names."""
    network = Network(stages(model, entry.stages))
    remedy = "correct `stages` so that they follow its forward, or leave them out: then Fovea traces the network"
    try:
        return checked(_channels_first(network, expected.x[:1], entry), expected)
    except StagesDiffer as error:
        found = first_difference(network, model, ask, expected.x[:1])
        raise RegistryError(f"{error} ({found}); {remedy}") from error
    except RegistryError:
        raise
    except Exception as error:
        log.info("the stages of model %s failed", entry.name, exc_info=error)
        reason = _stage_that_fails(network, expected.x[:1], error)
        raise RegistryError(f"the stages do not compute what the network computes: {reason}; {remedy}") from error


@torch.no_grad()
def _stage_that_fails(network: Network, x: Tensor, error: Exception) -> str:
    A = x.clone()
    for stage in network.stages:
        try:
            A = stage.module(A)
        except Exception:  # noqa: BLE001
            given = " x ".join(map(str, A.shape[1:])) if isinstance(A, Tensor) else type(A).__name__
            return f"{stage.name!r} cannot take what the stages before it give ({given})"
    return own_words(error)


@torch.no_grad()
def _channels_first(network: Network, x: Tensor, entry: Entry) -> Network:
    """Named stages with every map [N, C, h, w]: the entry's layout, or the shape of a map, tells how it lies."""
    found, A, last = [], x.clone(), False
    for stage in network.stages:
        A = stage.module(A.clone())
        axis = None
        if isinstance(A, Tensor) and A.dim() == 4:
            axis = AXES.get(entry.layout or "") or by_shape(tuple(A.shape[1:]), tuple(x.shape[2:]))
        turned = axis == 3
        module = Permuted(stage.module, last, turned) if last or turned else stage.module
        tokens = isinstance(A, Tensor) and A.dim() == 3 and any(isinstance(m, LAST) for m in stage.module.modules())
        found.append(replace(stage, module=module, spatial=tokens or axis is not None))
        last = turned
    return Network(tuple(found))
