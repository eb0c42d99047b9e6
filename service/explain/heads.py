"""The cheap half of a cut network: feature maps in, logits out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import StochasticDepth


class PooledLinear(nn.Module):
    """A head that averages each feature map and weights the averages: logits = W · mean(A) + b.

    Only this head has a class activation map (Zhou 2016), and its gradients are known without a backward pass:
    ∂y_c/∂A_k = W_ck / Z at each of the Z positions.

    Shapes: weight [K, C], bias [K]; A [N, C, h, w] -> logits [N, K].
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach())
        self.register_buffer("bias", bias.detach())

    def forward(self, A: Tensor) -> Tensor:
        """A [N, C, h, w] -> logits [N, K]."""
        return nn.functional.linear(A.mean((-2, -1)), self.weight, self.bias)


def simplify(modules: Sequence[nn.Module], shape: tuple[int, ...] | None = None) -> nn.Module:
    """The head made of these modules: `PooledLinear` where they are global pooling, flattening and one linear layer.

    Dropout does nothing at inference and is skipped. shape: of A without its batch axis; where it is given, a mean and
    a linear layer are recognised in any form. Anything else becomes an ordinary `nn.Sequential`.
    """
    match [module for module in modules if not isinstance(module, (nn.Dropout, nn.Identity))]:
        case [nn.AdaptiveAvgPool2d(output_size=1 | (1, 1)), nn.Flatten(start_dim=1), nn.Linear() as linear]:
            bias = linear.bias if linear.bias is not None else torch.zeros(linear.out_features)
            return PooledLinear(linear.weight, bias)
        case _:
            head = nn.Sequential(*modules)
            return (_pooled_linear(head, shape) if shape and len(shape) == 3 else None) or head


@torch.no_grad()
def _pooled_linear(head: nn.Module, shape: tuple[int, ...]) -> PooledLinear | None:
    """The same as a `PooledLinear`, where it gives the same for feature maps of every sign and of three magnitudes.

    Networks write a global mean in many ways: as a mean over axes, a view and a mean, a pooling of the map's own size.
    """
    linear = [module for module in head.modules() if isinstance(module, nn.Linear)]
    weights = [weight for weight in head.parameters() if weight.dim() > 1]
    if len(linear) != 1 or len(weights) != 1 or linear[0].in_features != shape[0]:
        return None
    bias = linear[0].bias if linear[0].bias is not None else torch.zeros(linear[0].out_features)
    candidate = PooledLinear(linear[0].weight, bias)
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(4, shape[0], 1, 1, generator=generator)  # of both signs: a ReLU behind the mean must show
    drawn = torch.randn(4, *shape, generator=generator) + means
    for magnitude in (1e-3, 1.0, 1e3):
        A = magnitude * drawn
        try:
            logits = head(A)
        except RuntimeError:
            return None
        expected = candidate(A)
        same = logits.shape == expected.shape and torch.allclose(
            logits, expected, rtol=0, atol=1e-5 * float(expected.abs().max())
        )
        if not same:
            return None
    return candidate


class Scaling(nn.Module):
    """A product with a constant, or a quotient. function: such as torch.mul. by: a number or a tensor."""

    def __init__(self, function: Callable[..., Tensor], by: float | Tensor) -> None:
        super().__init__()
        self.function = function
        self.register_buffer("tensor", by if isinstance(by, Tensor) else None, persistent=False)
        self.number = None if isinstance(by, Tensor) else by

    def forward(self, A: Tensor) -> Tensor:
        """A of any shape -> the same."""
        return self.function(A, self.number if self.tensor is None else self.tensor)


POOLS = (nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.MaxPool2d, nn.AdaptiveMaxPool2d)
WEIGHTED = (nn.Linear, nn.Conv2d, nn.BatchNorm2d, PooledLinear)
RECTIFIED = (*WEIGHTED, *POOLS, nn.ReLU, nn.Dropout, nn.Flatten, nn.Identity, nn.Sequential, StochasticDepth, Scaling)
"""What networks of weights, ReLUs and pooling are made of (a Sequential may be empty): some methods have a rule for
each of these alone."""


def unsupported_modules(head: nn.Module, known: tuple[type[nn.Module], ...]) -> str:
    """The names of modules without submodules that are none of `known`, separated by commas; empty where all are."""
    leaves = (module for module in head.modules() if not any(module.children()) or hasattr(module, "title"))
    return ", ".join(
        sorted({getattr(leaf, "title", type(leaf).__name__) for leaf in leaves if not isinstance(leaf, known)})
    )


def refuse_unsupported(title: str, head: nn.Module, known: tuple[type[nn.Module], ...]) -> str | None:
    """Why a method with rules for `known` modules alone cannot pass through a head; None where it can."""
    found = unsupported_modules(head, known) if known else ""
    return f"{title} has no rule for {found}, which lie behind this layer; ask for another method" if found else None
