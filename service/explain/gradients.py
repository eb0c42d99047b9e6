"""Methods that weight feature maps by the gradient g = ∂y/∂A of the explained score at the cut.

Each is written once in terms of g. Where the head is pooled and linear, g is known in closed form, so the same lines
cost no backward pass; for other heads autograd runs through the head alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from service.explain.heads import PooledLinear
from service.explain.method import Method, score, weighted_sum

ROUNDING = 1e-5
"""A sum smaller than this share of its terms' magnitudes is the rounding error of float32."""


def gradient(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """g = ∂(target · head(A)) / ∂A, one row per target: [N, C, h, w]. A, the head and its parameters stay unchanged."""
    A = A.expand(len(target), *A.shape[1:])
    if isinstance(head, PooledLinear):
        return ((target @ head.weight) / A[0, 0].numel())[:, :, None, None].expand_as(A)
    with torch.enable_grad():
        A = A.detach().clone().requires_grad_()
        return torch.autograd.grad(score(head(A), target).sum(), A)[0]


def gradcam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju 2017): Σ_k mean_ij(g_k) A_k, before its ReLU."""
    return weighted_sum(gradient(A, head, target).mean((-2, -1)), A)


def gradcam_plus_plus(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """Grad-CAM++ (Chattopadhyay 2018): w_k = Σ_ij α ReLU(g), α = g² / (2g² + S_k g³), S_k = Σ_ij A_k.

    α is computed as 1 / (2 + S_k g) where g ≠ 0 and is 0 elsewhere: dividing g² out leaves no 0/0 to guard with an
    epsilon, which would tie the map to the scale of the logits.
    """
    g = gradient(A, head, target)
    denominator = 2 + A.sum((-2, -1), keepdim=True) * g
    alpha = torch.where((g != 0) & (denominator != 0), 1 / denominator, 0.0)
    return weighted_sum((alpha * g.relu()).sum((-2, -1)), A)


def xgradcam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """XGrad-CAM (Fu 2020): w_k = Σ_ij g A / S_k, 0 for a feature map that sums to nothing."""
    total = A.sum((-2, -1))
    share = (gradient(A, head, target) * A).sum((-2, -1))
    return weighted_sum(torch.where(total != 0, share / total, 0.0), A)


def hirescam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """HiResCAM (Draelos 2020): Σ_k g ⊙ A, signed; for a linear head its sum is the score without its bias.

    Behind a layer normalisation the terms of a position cancel by construction. A sum below `ROUNDING` of their
    magnitudes is rounding error and becomes 0.
    """
    terms = gradient(A, head, target) * A
    M = terms.sum(1)
    return torch.where(M.abs() > ROUNDING * terms.abs().sum(1), M, 0.0)


def layercam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """LayerCAM (Jiang 2021): Σ_k ReLU(g) ⊙ A."""
    return (gradient(A, head, target).relu() * A).sum(1)


ROWS = (
    Method(
        name="gradcam",
        function=gradcam,
        title="Grad-CAM",
        paper="Selvaraju et al. 2017, arXiv 1610.02391",
        formula="ReLU(Σ_k mean_ij(g_k) A_k)",
        summary="Feature maps weighted by their mean gradient: where evidence for the class lies, for any head.",
    ),
    Method(
        name="gradcam++",
        function=gradcam_plus_plus,
        title="Grad-CAM++",
        paper="Chattopadhyay et al. 2018, arXiv 1710.11063",
        formula="w_k = Σ_ij α ReLU(g), α = g² / (2g² + S_k g³); ReLU(Σ_k w_k A_k)",
        summary="Only positive gradients count, weighted so that several instances of a class all show.",
    ),
    Method(
        name="xgradcam",
        function=xgradcam,
        title="XGrad-CAM",
        paper="Fu et al. 2020, arXiv 2008.02312",
        formula="w_k = Σ_ij(g A) / S_k; ReLU(Σ_k w_k A_k)",
        summary="Gradients weighted by where the feature map is active, so that the parts add up to the score better.",
    ),
    Method(
        name="hirescam",
        function=hirescam,
        title="HiResCAM",
        paper="Draelos & Carin 2020, arXiv 2011.08891",
        formula="ReLU(Σ_k g ⊙ A)",
        summary="Gradient times activation at every position: what the head really used, with no averaging in between.",
        layers="any: every position keeps its own gradient, though only the last map adds up to the score",
    ),
    Method(
        name="layercam",
        function=layercam,
        title="LayerCAM",
        paper="Jiang et al. 2021, doi 10.1109/TIP.2021.3089943",
        formula="Σ_k ReLU(g) ⊙ A",
        summary="Positive gradients at every position; use it at shallow layers, where detail is fine.",
        layers="any, and several fused by max: shallow layers show fine detail, deep ones the region",
    ),
)
