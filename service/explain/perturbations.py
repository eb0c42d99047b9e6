"""Methods that change feature maps or the image and measure how the score changes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from service.explain.heads import PooledLinear
from service.explain.method import Deadline, Method, MethodContext, score, weighted_sum

CHUNK = 8
"""Perturbed copies per forward: 8 images of 224² take 5 MB. The deadline is checked and predictions of other requests
run between chunks."""


@torch.no_grad()
def ablationcam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """Ablation-CAM (Desai 2020): w_k = (y − y with A_k = 0) / |y|. The head alone runs, C times, in chunks.

    The paper divides by y, which would invert the map of a negative score, so |y| is used. For a score of exactly 0
    nothing is divided.
    """
    y = score(head(A), target)
    drops = _pooled_drops(A, head, target) if isinstance(head, PooledLinear) else _drops(A, head, target, y)
    return weighted_sum(drops / torch.where(y == 0, 1, y.abs())[:, None], A)


def _pooled_drops(A: Tensor, head: PooledLinear, target: Tensor) -> Tensor:
    """y − y with A_k = 0 is w_k · mean(A_k) for a pooled linear head: [N, C]."""
    return (target @ head.weight) * A.mean((-2, -1))


def _drops(A: Tensor, head: nn.Module, target: Tensor, y: Tensor) -> Tensor:
    channels = A.shape[1]
    drops = torch.empty(len(target), channels)
    for row in range(len(A)):
        targets = slice(row, row + 1) if len(A) > 1 else slice(None)  # one A may serve all targets
        for chunk in Deadline().chunks(channels, CHUNK):
            masks = 1 - torch.eye(channels)[chunk]
            logits = head(A[row] * masks[:, :, None, None])  # (chunk, K)
            drops[targets, chunk] = y[targets, None] - target[targets] @ logits.T
    return drops


@torch.no_grad()
def scorecam(A: Tensor, head: nn.Module, target: Tensor, context: MethodContext) -> Tensor:  # noqa: ARG001
    """Score-CAM (Wang 2020): w = softmax_k y(x ⊙ norm(up(A_k))), one forward of the network per feature map.

    Each forward serves every target of an image. Constant feature maps all give the same black image, which is computed
    once. Feature maps that were not tried before the deadline have weight 0; `context.deadline.completed` is the share
    that was tried.
    """
    scores = torch.full((len(target), A.shape[1]), -torch.inf)
    for row in range(len(A)):
        targets = slice(row, row + 1) if len(A) > 1 else slice(None)
        flat = A[row].amax((-2, -1)) == A[row].amin((-2, -1))
        constant, varying = flat.nonzero()[:, 0], (~flat).nonzero()[:, 0]
        order = torch.cat([constant[:1], varying])
        for chunk in context.deadline.chunks(len(order), CHUNK):
            masks = _normalised(A[row, order[chunk]], context.x.shape[-2:])
            found = target[targets] @ context.forward(context.x[row] * masks).T  # (targets of this row, chunk)
            scores[targets] = scores[targets].index_copy(1, order[chunk], found)
        black = scores[targets][:, constant[:1]].expand(-1, len(constant))
        scores[targets] = scores[targets].index_copy(1, constant, black)
    return weighted_sum(scores.softmax(1), A)


def _normalised(A: Tensor, size: torch.Size) -> Tensor:
    """Feature maps [c, h, w] scaled to [0, 1] each, constant ones to 0, and enlarged: [c, 1, H, W]."""
    low, high = A.amin((-2, -1), keepdim=True), A.amax((-2, -1), keepdim=True)
    spread = torch.where(high > low, high - low, 1.0)
    return nn.functional.interpolate(((A - low) / spread)[:, None], size=tuple(size), mode="bilinear")


ROWS = (
    Method(
        name="ablationcam",
        function=ablationcam,
        title="Ablation-CAM",
        paper="Desai & Ramaswamy 2020, doi 10.1109/WACV45572.2020.9093360",
        formula="w_k = (y − y with A_k = 0) / |y|; ReLU(Σ_k w_k A_k)",
        summary="How much the score drops when each feature map is set to 0: no gradient to saturate.",
        head_forwards="per channel",
    ),
    Method(
        name="scorecam",
        function=scorecam,
        title="Score-CAM",
        paper="Wang et al. 2020, arXiv 1910.01279",
        formula="w = softmax_k y(x ⊙ norm(up(A_k))); ReLU(Σ_k w_k A_k)",
        summary="Each feature map is tried as a mask over the image: gradient-free and slow; stops at the deadline.",
        forwards="per channel",
        reads="image",
        layers="the last map, whose channels mask objects rather than edges; one forward per channel",
    ),
)
