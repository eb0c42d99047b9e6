"""Pixel-level methods: the cut is at the input, A is the image itself and the head is the whole network.

Captum computes them. What it hooks is a copy made for the one answer; the other methods only call the network.
"""

from __future__ import annotations

import functools
import types
import warnings
from collections.abc import Callable
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from service.errors import DoesNotApply
from service.explain.gradients import gradcam
from service.explain.heads import RECTIFIED, refuse_unsupported
from service.explain.method import Method, MethodContext, score
from service.explain.module_copies import unrolled_copy

SEGMENTS = 8
"""Parts of the path of integrated gradients; the deadline is checked between them."""


class SmoothGradParameters(BaseModel):
    """SmoothGrad's own parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: int = Field(16, ge=1, le=256, description="Noisy copies of the image.")
    noise: float = Field(
        0.15, gt=0, le=1, description="Standard deviation of the noise, as a fraction of the image's range."
    )


class PathParameters(BaseModel):
    """Parameters of integrated gradients."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(48, ge=8, le=512, description="Points on the path from the baseline to the image.")


class OcclusionParameters(BaseModel):
    """Occlusion's own parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: int = Field(32, ge=2, le=512, description="Side of the square that is covered, in pixels of the input.")
    stride: int = Field(16, ge=1, le=512, description="Pixels between two squares; at most the window's side.")


def saliency(A: Tensor, head: nn.Module, target: Tensor, context: MethodContext) -> Tensor:  # noqa: ARG001
    """Saliency (Simonyan 2014): max over colours of |∂y/∂x|."""
    x, target = _rows(A, target)
    maps = _captum().Saliency(scored(head)).attribute(x.requires_grad_(), additional_forward_args=(target,))
    return maps.amax(1).detach()  # type: ignore[no-any-return]


def smoothgrad(
    A: Tensor, head: nn.Module, target: Tensor, context: MethodContext, samples: int = 16, noise: float = 0.15
) -> Tensor:
    """SmoothGrad (Smilkov 2017): max over colours of |mean_n ∂y/∂x at x + ε_n|, ε_n normal.

    The noise has a fixed seed of its own, so that the same question always has the same answer.
    """
    x, target = _rows(A, target)
    generator = torch.Generator().manual_seed(0)
    spread = noise * (x.amax((1, 2, 3), keepdim=True) - x.amin((1, 2, 3), keepdim=True))
    attribution = _captum().Saliency(scored(head))
    total, count = torch.zeros_like(x), 0
    for chunk in context.deadline.chunks(samples, 1):
        noisy = x + spread * torch.randn(x.shape[1:], generator=generator)
        total += attribution.attribute(noisy.requires_grad_(), additional_forward_args=(target,), abs=False).detach()
        count = chunk.stop
    return (total / count).abs().amax(1)


def input_x_gradient(A: Tensor, head: nn.Module, target: Tensor, context: MethodContext) -> Tensor:  # noqa: ARG001
    """Input × gradient (Shrikumar 2016): Σ over colours of x ⊙ ∂y/∂x, signed; x counts from the mean colour."""
    x, target = _rows(A, target)
    maps = _captum().InputXGradient(scored(head)).attribute(x.requires_grad_(), additional_forward_args=(target,))
    return maps.sum(1).detach()  # type: ignore[no-any-return]


def integrated_gradients(A: Tensor, head: nn.Module, target: Tensor, context: MethodContext, steps: int = 48) -> Tensor:
    """Integrated gradients (Sundararajan 2017): (x − b) ⊙ ∫ ∂y/∂x along the straight path from the baseline b to x.

    b is the mean colour (0 after normalisation). The integral is the sum over parts of the path; after a deadline it
    covers the parts that were computed. `completeness_delta` in the context's measures is the sum of the map minus the
    change of the score over those parts: 0, apart from the error of the quadrature.
    """
    x, target = _rows(A, target)
    attribution = _captum().IntegratedGradients(scored(head))
    total, end = torch.zeros_like(x), torch.zeros_like(x)
    for chunk in context.deadline.chunks(SEGMENTS, 1):
        start, end = x * (chunk.start / SEGMENTS), x * (chunk.stop / SEGMENTS)
        total += attribution.attribute(
            end.clone().requires_grad_(),
            baselines=start,
            additional_forward_args=(target,),
            n_steps=-(-steps // SEGMENTS),
        ).detach()
    with torch.no_grad():
        change = score(head(end), target) - score(head(torch.zeros_like(x)), target)
    context.measures["completeness_delta"] = (total.sum((1, 2, 3)) - change).tolist()
    return total.sum(1)


def guided_backprop(A: Tensor, head: nn.Module, target: Tensor, context: MethodContext) -> Tensor:  # noqa: ARG001
    """Guided backpropagation (Springenberg 2015): ∂y/∂x with only positive gradients through each ReLU, over colours.

    It hardly depends on the class or on the deeper weights (Adebayo 2018): it shows edges, not reasons.
    """
    x, target = _rows(A, target)
    return _guided(x, head, target).sum(1)


def guided_gradcam(A: Tensor, head: nn.Module, target: Tensor, context: MethodContext) -> Tensor:
    """Guided Grad-CAM (Selvaraju 2017): guided backpropagation ⊙ the enlarged ReLU of Grad-CAM at the deep layer."""
    x, target = _rows(A, target)
    if context.deep is None:
        raise ValueError("guided Grad-CAM needs the feature maps of a layer")
    coarse = gradcam(*context.deep, target).relu()[:, None]
    fine = nn.functional.interpolate(coarse, size=tuple(x.shape[-2:]), mode="bilinear")
    return (_guided(x, head, target) * fine).sum(1)


def deeplift(A: Tensor, head: nn.Module, target: Tensor, context: MethodContext) -> Tensor:
    """DeepLIFT (Shrikumar 2017), rescale rule, from the mean colour: Σ over colours of the contributions, signed.

    `completeness_delta` in the context's measures is the map's sum minus y(x) − y(baseline).
    """
    x, target = _rows(A, target)
    maps, delta = _hooked("DeepLift", x, head).attribute(
        x.requires_grad_(), torch.zeros_like(x), additional_forward_args=(target,), return_convergence_delta=True
    )
    context.measures["completeness_delta"] = delta.tolist()
    return maps.sum(1).detach()  # type: ignore[no-any-return]


def occlusion(
    A: Tensor, head: nn.Module, target: Tensor, context: MethodContext, window: int = 32, stride: int = 16
) -> Tensor:
    """Occlusion (Zeiler & Fergus 2014): how much the score drops while a square of the mean colour covers a position.

    Squares that were not tried before the deadline count as no drop.
    """
    x, target = _rows(A, target)
    window, stride = min(window, *x.shape[-2:]), min(stride, window, *x.shape[-2:])
    across = [1 + -(-(side - window) // stride) for side in x.shape[-2:]]
    with torch.no_grad():
        whole = score(head(x), target)
        tries = context.deadline.chunks(1 + across[0] * across[1], 1)

        def covered(x: Tensor, target: Tensor, whole: Tensor) -> Tensor:
            return score(head(x), target) if next(tries, None) else whole

        drops = (
            _captum()
            .Occlusion(covered)
            .attribute(
                x,
                sliding_window_shapes=(x.shape[1], window, window),
                strides=(x.shape[1], stride, stride),
                additional_forward_args=(target, whole),
            )
        )
        next(tries, None)  # a try counts as completed when the next one is asked for
    return drops[:, 0]  # type: ignore[no-any-return]


def scored(head: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """The explained score as Captum calls it: x [B, C, H, W], target [B, K] -> [B]."""
    return lambda x, target: score(head(x), target)


class Scored(nn.Module):
    """The same as a module, which Captum's hooks need."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """x [B, C, H, W], target [B, K] -> [B]."""
        return score(self.head(x), target)


def _guided(x: Tensor, head: nn.Module, target: Tensor) -> Tensor:
    """[N, C, H, W]."""
    maps = _hooked("GuidedBackprop", x, head).attribute(x.requires_grad_(), additional_forward_args=(target,))
    return maps.detach()  # type: ignore[no-any-return]


def _hooked(kind: str, x: Tensor, head: nn.Module) -> Any:
    """Raises DoesNotApply if the network has an activation that Captum would silently treat as the identity."""
    if reason := refuse_unsupported(kind, head, RECTIFIED):
        raise DoesNotApply(reason)
    return getattr(_captum(), kind)(Scored(unrolled_copy(head, x[:1])))


def _rows(A: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """One copy of the image per target: [N, C, H, W], [N, K]."""
    return A.detach().expand(len(target), *A.shape[1:]).clone(), target


@functools.cache
def _captum() -> types.ModuleType:
    """Captum takes a second to import, so it is imported when one of its methods is called first.

    It warns about every hook it sets, which is expected on a copy of our own.
    """
    import captum.attr  # noqa: PLC0415

    warnings.filterwarnings("ignore", r"\s*Setting (backward|forward, backward) hooks", UserWarning)
    return captum.attr  # type: ignore[no-any-return]


PIXELS = "the input itself; the layer has no effect"

ROWS = (
    Method(
        name="saliency",
        function=saliency,
        title="Saliency",
        paper="Simonyan et al. 2014, arXiv 1312.6034",
        formula="max over colours of |∂y/∂x|",
        summary="Which pixels would change the score fastest: fine and noisy, without a sign.",
        forwards=1,
        reads="pixels",
        layers=PIXELS,
    ),
    Method(
        name="smoothgrad",
        function=smoothgrad,
        title="SmoothGrad",
        paper="Smilkov et al. 2017, arXiv 1706.03825",
        formula="max over colours of |mean_n ∂y/∂x at x + ε_n|",
        summary="Saliency averaged over noisy copies of the image, so that what depends on the noise cancels.",
        forwards="per sample",
        reads="pixels",
        layers=PIXELS,
        parameters=SmoothGradParameters,
    ),
    Method(
        name="input-x-gradient",
        function=input_x_gradient,
        title="Input × gradient",
        paper="Shrikumar et al. 2016, arXiv 1605.01713",
        formula="Σ_colours x ⊙ ∂y/∂x",
        summary="A first-order share of every pixel in the score, signed; saturated units have none.",
        forwards=1,
        reads="pixels",
        layers=PIXELS,
    ),
    Method(
        name="integrated-gradients",
        function=integrated_gradients,
        title="Integrated gradients",
        paper="Sundararajan et al. 2017, arXiv 1703.01365",
        formula="Σ_colours (x − b) ⊙ ∫₀¹ ∂y/∂x(b + t(x − b)) dt",
        summary="Shares of every pixel that add up to the change of the score from a blank image; reports the error.",
        forwards="per step",
        reads="pixels",
        layers=PIXELS,
        parameters=PathParameters,
    ),
    Method(
        name="guided-backprop",
        function=guided_backprop,
        title="Guided backpropagation",
        paper="Springenberg et al. 2015, arXiv 1412.6806",
        formula="∂y/∂x with ReLU(·) on the gradient at every ReLU",
        summary="Sharp edges that hardly depend on the class: not evidence of a reason.",
        forwards=2,
        reads="pixels",
        known=RECTIFIED,
        layers=PIXELS,
    ),
    Method(
        name="guided-gradcam",
        function=guided_gradcam,
        title="Guided Grad-CAM",
        paper="Selvaraju et al. 2017, arXiv 1610.02391",
        formula="guided backpropagation ⊙ up(ReLU(Σ_k mean_ij(g_k) A_k))",
        summary="Guided backpropagation within the region of Grad-CAM: fine detail, with the same weakness.",
        forwards=2,
        reads="pixels",
        deep=True,
        known=RECTIFIED,
        layers="the input, with Grad-CAM at the given layer",
    ),
    Method(
        name="deeplift",
        function=deeplift,
        title="DeepLIFT",
        paper="Shrikumar et al. 2017, arXiv 1704.02685",
        formula="rescale rule: multipliers Δy/Δx through every activation, from the mean colour",
        summary="Shares of every pixel in one backward pass, including those of saturated units.",
        forwards=3,
        reads="pixels",
        known=RECTIFIED,
        layers=PIXELS,
    ),
    Method(
        name="occlusion",
        function=occlusion,
        title="Occlusion",
        paper="Zeiler & Fergus 2014, arXiv 1311.2901",
        formula="mean over covering squares of y(x) − y(x covered)",
        summary="How much the score drops when a region is covered: slow and coarse, but easy to check by hand.",
        forwards="per position",
        reads="pixels",
        layers=PIXELS,
        parameters=OcclusionParameters,
    ),
)
