"""Methods that read the feature maps and the weights of the head, without any gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from service.errors import DoesNotApply
from service.explain.heads import PooledLinear
from service.explain.method import Method, weighted


def cam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """Class activation map (Zhou 2016): Σ_k w_k A_k with the weights of the class. mean(M) + b = y, exactly.

    Raises DoesNotApply where the head is not global average pooling and one linear layer.
    """
    if not isinstance(head, PooledLinear):
        raise DoesNotApply(
            "cam reads a class's map from the weights of one linear layer behind global average pooling, and behind"
            " this layer the model has another head; gradcam is its generalisation to any head, and hirescam, layercam,"
            " xgradcam, gradcam++, eigencam, scorecam and ablationcam apply as well"
        )
    return weighted(target @ head.weight, A)


def eigencam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:  # noqa: ARG001
    """Eigen-CAM (Muhammad 2020): σ₁v₁ᵀ, the first right singular vector of A as a [C, h·w] matrix, with its scale.

    It knows no class. Its sign is the one whose sum is positive (for features behind a ReLU all entries then are).
    It comes in float64 from the Gram matrix over channels or over places, whichever is smaller.
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
        summary="The exact share of every place in the class's logit; only where pooling and one linear layer follow.",
        head="pooled-linear",
        box_threshold=0.20,
        layers="the last map alone: its weights are the class's own",
    ),
    Method(
        name="eigencam",
        function=eigencam,
        title="Eigen-CAM",
        paper="Muhammad & Yeasin 2020, arXiv 2008.00299",
        formula="σ₁v₁ᵀ of A [C, h·w], sign such that its sum is positive",
        summary="The strongest pattern in the feature maps, whatever the class: what stands out, not what decides.",
        class_specific=False,
        layers="the last map; shallow layers show edges and texture",
    ),
)
