"""Methods that read the feature maps and the weights of the head, without any gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from service.errors import DoesNotApply
from service.explain.heads import PooledLinear
from service.explain.method import Method, weighted_sum


def cam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """Class activation map (Zhou 2016): Σ_k w_k A_k with the weights of the class. mean(M) + b = y, exactly.

    Raises DoesNotApply where the head is not global average pooling and one linear layer.
    """
    if not isinstance(head, PooledLinear):
        raise DoesNotApply(
            "cam needs a head of global average pooling and one linear layer, and this layer has another head behind"
            " it; gradcam generalises cam to any head"
        )
    return weighted_sum(target @ head.weight, A)


def eigencam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:  # noqa: ARG001
    """Eigen-CAM (Muhammad 2020): σ₁v₁ᵀ, the first right singular vector of A as a [C, h·w] matrix, with its scale.

    It does not depend on the class. Its sign makes the sum positive (behind a ReLU, all entries then are). It is
    computed in float64 from the Gram matrix over channels or over positions, whichever is smaller.
    """
    rows = A.flatten(2).double()  # (N, C, h·w)
    if rows.shape[1] < rows.shape[2]:
        _, vectors = torch.linalg.eigh(rows @ rows.mT)  # ascending: (N, C, C)
        first = (vectors[:, :, -1:].mT @ rows)[:, 0]  # u₁ᵀA = σ₁v₁ᵀ
    else:
        values, vectors = torch.linalg.eigh(rows.mT @ rows)  # (N, h·w), (N, h·w, h·w)
        first = vectors[:, :, -1] * values[:, -1:].clamp_min(0).sqrt()
    first = torch.where(first.sum(1, keepdim=True) < 0, -first, first)
    return first.to(A.dtype).view(len(A), *A.shape[2:]).expand(len(target), *A.shape[2:])


ROWS = (
    Method(
        name="cam",
        function=cam,
        title="Class activation map",
        paper="Zhou et al. 2016, arXiv 1512.04150",
        formula="Σ_k w_k A_k; mean(M) + b = y",
        summary="The exact share of every position in the logit; only for a head of pooling and one linear layer.",
        head="pooled-linear",
        box_threshold=0.20,
        layers="the last map alone: only there each class has its own weights",
    ),
    Method(
        name="eigencam",
        function=eigencam,
        title="Eigen-CAM",
        paper="Muhammad & Yeasin 2020, arXiv 2008.00299",
        formula="σ₁v₁ᵀ of A [C, h·w], sign such that its sum is positive",
        summary="The strongest pattern in the feature maps, for any class: what stands out, not what decides.",
        class_specific=False,
        layers="the last map; shallow layers show edges and texture",
    ),
)
