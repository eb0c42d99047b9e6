"""Excitation backpropagation: winning probabilities propagated from a class down to the feature maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from service.errors import DoesNotApply
from service.explain.heads import RECTIFIED, PooledLinear, Scaling, refuse_unsupported
from service.explain.method import Method
from service.explain.module_copies import shared_copy

POOLS = (nn.AvgPool2d, nn.AdaptiveAvgPool2d)
WEIGHTED_LAYERS = (nn.Linear, nn.Conv2d)
NORMS = (nn.BatchNorm2d, Scaling)
KNOWN = (*RECTIFIED, nn.ReLU6)
Rule = Callable[[Tensor], Tensor]


def excitation_backprop(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """c-MWP (Zhang 2016, contrastive marginal winning probability): Σ_k P(A_k | class) − P(A_k | not the class).

    Below every weighted layer, P(a) = a ⊙ W⁺ᵀ(P ⊘ W⁺a) with the positive weights only. The top layer is propagated a
    second time with negated weights, and the difference continues downwards. Only positive A counts. The probability
    that reaches the cut sums to one for each of the two; if it does not, the network adds branches (ResNet's blocks
    below the last layer), for which there is no rule.

    Raises DoesNotApply in that case.
    """
    A = A.detach().expand(len(target), *A.shape[1:]).clamp_min(0)
    if isinstance(head, PooledLinear):
        shares = [_shares(A, weight.clamp_min(0)) for weight in (head.weight, -head.weight)]  # each (N, K, h, w)
        return torch.einsum("nk,nkhw->nhw", target, shares[0] - shares[1])
    if reason := refuse_unsupported("Excitation backprop", head, KNOWN):
        raise DoesNotApply(reason)
    if float(_propagate(A, head, target.abs(), False).sum((1, 2, 3)).sub(target.abs().sum(1)).max()) > 0.01:
        raise DoesNotApply(
            "excitation-backprop has no rule for branches that the network adds behind this layer; ask for a deeper"
            " layer or another method"
        )
    return _propagate(A, head, target, True).sum(1)


def _shares(A: Tensor, weight: Tensor) -> Tensor:
    """The winning probability of every position for every class of a pooled linear head: [N, K, h, w]."""
    won = torch.einsum("kc,nchw->nkhw", weight, A)
    total = won.sum((-2, -1), keepdim=True)
    return torch.where(total > 0, won / total, 0.0)


def _propagate(A: Tensor, head: nn.Module, target: Tensor, contrastive: bool) -> Tensor:
    """The signal at the cut, [N, C, h, w], when `target` starts at the top."""
    network = shared_copy(head)
    weighted = [module for module in network.modules() if isinstance(module, WEIGHTED_LAYERS)]
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, (*WEIGHTED_LAYERS, *POOLS, *NORMS)):
                setattr(parent, name, ExcitationLayer(child, contrastive and child is weighted[-1]))
    with torch.enable_grad():
        A = A.clone().requires_grad_()
        return torch.autograd.grad(network(A), A, target)[0]


class ExcitationLayer(nn.Module):
    """A layer with an unchanged forward pass, whose backward pass propagates winning probability, not a gradient."""

    def __init__(self, layer: nn.Module, contrastive: bool) -> None:
        super().__init__()
        self.layer, self.contrastive = layer, contrastive

    def forward(self, a: Tensor) -> Tensor:
        """The layer's own output."""
        out: Tensor = ExcitationPass.apply(a, self.layer, self.rules())
        return out

    def rules(self) -> list[tuple[float, Rule]]:
        """Linear maps with non-negative weights, each with its sign; without any, P passes unchanged."""
        layer = self.layer
        if isinstance(layer, NORMS):
            return []
        if isinstance(layer, POOLS):
            return [(1.0, layer)]
        signs = (1.0, -1.0) if self.contrastive else (1.0,)
        return [(sign, _positive(layer, sign)) for sign in signs]


class ExcitationPass(torch.autograd.Function):
    """Forward: the layer. Backward: Σ over its rules of sign · a ⊙ Ruleᵀ(P ⊘ Rule(a))."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, layer: nn.Module, rules: list[tuple[float, Rule]]) -> Tensor:
        """a -> layer(a)."""
        ctx.save_for_backward(a)
        ctx.rules = rules
        out: Tensor = layer(a)
        return out

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor, None, None]:
        """P at the output -> P at the input."""
        (signal,) = signals
        if not ctx.rules:
            return signal, None, None
        a = ctx.saved_tensors[0].detach().clamp_min(0)
        total = torch.zeros_like(a)
        for sign, rule in ctx.rules:
            with torch.enable_grad():
                leaf = a.clone().requires_grad_()
                won = rule(leaf)
                share = torch.where(won > 0, signal / won, 0.0).detach()
                total += sign * a * torch.autograd.grad(won, leaf, share)[0]
        return total, None, None


def _positive(layer: nn.Module, sign: float) -> Rule:
    """The layer with only the weights of one sign, made positive, and no bias."""
    if isinstance(layer, nn.Conv2d):
        weight = (sign * layer.weight.detach()).clamp_min(0)
        return lambda a: layer._conv_forward(a, weight, None)
    if isinstance(layer, nn.Linear):
        weight = (sign * layer.weight.detach()).clamp_min(0)
        return lambda a: nn.functional.linear(a, weight)
    raise TypeError(f"{type(layer).__name__} has no weights to propagate through")


ROWS = (
    Method(
        name="excitation-backprop",
        function=excitation_backprop,
        title="Excitation backprop (c-MWP)",
        paper="Zhang et al. 2016, arXiv 1608.00507",
        formula="P(a) = a ⊙ W⁺ᵀ(P ⊘ W⁺a) from the class, minus the same from its negation",
        summary="Which positions win the competition to excite the class rather than its opposite.",
        box_threshold=0.15,
        known=KNOWN,
        layers="the last map, or any before it in networks that add no branches",
    ),
)
