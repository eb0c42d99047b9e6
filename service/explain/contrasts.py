"""Methods that explain one class in contrast to others."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from service.explain.gradients import ROWS as GRADIENT_ROWS
from service.explain.method import Method

BASE_METHODS = {method.name: method.function for method in GRADIENT_ROWS}
REFERENCE_COUNT = 3
"""Reference classes if the caller names none: those nearest in logit."""


class FinerParameters(BaseModel):
    """Finer-CAM's own parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gamma: float = Field(0.6, ge=0, le=1, description="Weight of the reference classes; 0 gives the base method.")
    base: Literal["gradcam", "gradcam++", "xgradcam", "hirescam", "layercam"] = Field(
        "gradcam", description="The method that explains the contrast."
    )


def finercam(
    A: Tensor,
    head: nn.Module,
    target: Tensor,
    versus: Tensor | None = None,
    gamma: float = 0.6,
    base: str = "gradcam",
) -> Tensor:
    """Finer-CAM (Zhang 2025): the base method's map of y_c − γ · mean_{d∈D} y_d.

    versus: [N or 1, K], the mean of the reference directions. None takes the three classes nearest in logit, or all
    others if there are fewer. A single logit has no other class: the result is the base method's map.
    """
    references = nearest_classes(head(A), target) if versus is None else versus
    return BASE_METHODS[base](A, head, target - gamma * references)


@torch.no_grad()
def nearest_classes(logits: Tensor, target: Tensor) -> Tensor:
    """The mean of the one-hot rows of the classes nearest in logit to each target: [N, K], 0 where there is none.

    logits [N or 1, K], target one-hot [N, K].
    """
    classes = target.shape[1]
    count = min(REFERENCE_COUNT, classes - 1)
    if count == 0:
        return torch.zeros_like(target)
    own = target.argmax(1, keepdim=True)
    logits = logits.expand_as(target)
    distance = (logits - logits.gather(1, own)).abs().scatter(1, own, torch.inf)
    chosen = distance.topk(count, largest=False).indices
    return torch.zeros_like(target).scatter(1, chosen, 1 / count)


ROWS = (
    Method(
        name="finercam",
        function=finercam,
        title="Finer-CAM",
        paper="Zhang et al. 2025, arXiv 2501.11309",
        formula="base method on y_c − γ · mean_{d∈D} y_d",
        summary="What distinguishes this class from the nearest other classes, or from those named in `versus`.",
        contrasts=True,
        parameters=FinerParameters,
    ),
)
