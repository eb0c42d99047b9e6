"""Methods that change something and look at the score again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from service.explain.heads import PooledLinear
from service.explain.method import Deadline, Method, Scene, score, weighted

CHUNK = 8
"""Perturbed copies computed at once: 8 images of 224² take 5 MB; between chunks a deadline is looked at, and others'
predictions are computed."""


@torch.no_grad()
def ablationcam(A: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """Ablation-CAM (Desai 2020): w_k = (y − y with A_k = 0) / |y|. The head alone runs, C times, in chunks.

    The paper divides by y; for a negative score that would turn the map over, so its magnitude is used. A score of
    exactly 0 divides by nothing.
    """
    y = score(head(A), target)
    fall = _pooled_fall(A, head, target) if isinstance(head, PooledLinear) else _fall(A, head, target, y)
    return weighted(fall / torch.where(y == 0, 1, y.abs())[:, None], A)


def _pooled_fall(A: Tensor, head: PooledLinear, target: Tensor) -> Tensor:
    """y − y with A_k = 0 is w_k · mean(A_k) for a pooled linear head: [N, C]."""
    return (target @ head.weight) * A.mean((-2, -1))


def _fall(A: Tensor, head: nn.Module, target: Tensor, y: Tensor) -> Tensor:
    channels = A.shape[1]
    falls = torch.empty(len(target), channels)
    for row in range(len(A)):
        mine = slice(row, row + 1) if len(A) > 1 else slice(None)  # one A may serve all targets
        for chunk in Deadline().chunks(channels, CHUNK):
            kept = 1 - torch.eye(channels)[chunk]
            logits = head(A[row] * kept[:, :, None, None])  # (chunk, K)
            falls[mine, chunk] = y[mine, None] - target[mine] @ logits.T
    return falls


@torch.no_grad()
def scorecam(A: Tensor, head: nn.Module, target: Tensor, scene: Scene) -> Tensor:  # noqa: ARG001
    """Score-CAM (Wang 2020): w = softmax_k y(x ⊙ norm(up(A_k))), one forward of the network a feature map.

    Forwards serve every target of an image at once; feature maps without any contrast all give the same black image,
    which is computed once. Past the deadline the feature maps not yet seen weigh nothing,
    and `scene.patience.done` says which share was seen.
    """
    seen = torch.full((len(target), A.shape[1]), -torch.inf)
    for row in range(len(A)):
        mine = slice(row, row + 1) if len(A) > 1 else slice(None)
        flat = A[row].amax((-2, -1)) == A[row].amin((-2, -1))
        flats, order = flat.nonzero()[:, 0], (~flat).nonzero()[:, 0]
        order = torch.cat([flats[:1], order])
        for chunk in scene.deadline.chunks(len(order), CHUNK):
            masks = _normalised(A[row, order[chunk]], scene.x.shape[-2:])
            found = target[mine] @ scene.forward(scene.x[row] * masks).T  # (targets of this row, chunk)
            seen[mine] = seen[mine].index_copy(1, order[chunk], found)
        seen[mine] = seen[mine].index_copy(1, flats, seen[mine][:, flats[:1]].expand(-1, len(flats)))
    return weighted(seen.softmax(1), A)


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
        summary="How much the score falls when each feature map is silenced: no gradient to saturate.",
        head_forwards="per channel",
    ),
    Method(
        name="scorecam",
        function=scorecam,
        title="Score-CAM",
        paper="Wang et al. 2020, arXiv 1910.01279",
        formula="w = softmax_k y(x ⊙ norm(up(A_k))); ReLU(Σ_k w_k A_k)",
        summary="Each feature map is tried as a mask over the image: gradient-free, slow, stops at the deadline.",
        forwards="per channel",
        reads="image",
        layers="the last map, whose parts mask objects rather than edges; it costs a forward each",
    ),
)
