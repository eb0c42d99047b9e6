"""Every method on every family of networks keeps its laws, or refuses; docs/methods.md says which."""

from __future__ import annotations

import copy
from pathlib import Path

import captum.attr
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from service.errors import DoesNotApply
from service.explain.methods import METHODS
from service.explain.tokens import spatial
from tests.explain.matrix import Cell, cell, layer, target
from tests.models.zoo import FAMILIES, built

DOCUMENT = Path(__file__).parents[2] / "docs" / "methods.md"


def documented() -> dict[tuple[str, str], bool]:
    rows = [line.strip("| ").split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("| family |")]
    names = [name.strip(" `") for name in rows[0][1:]]
    found = {}
    for line in DOCUMENT.read_text().splitlines():
        family, *marks = (part.strip() for part in line.removeprefix("|").removesuffix("|").split("|"))
        if family in FAMILIES and len(marks) == len(names):
            found |= {(family, name): mark == "●" for name, mark in zip(names, marks, strict=True)}
    return found


MATRIX = documented()


def test_the_matrix_in_the_documentation_is_whole() -> None:
    assert set(MATRIX) == {(family, name) for family in FAMILIES for name in METHODS}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", METHODS)
def test_a_method_explains_a_family_or_refuses_as_documented(family: str, name: str) -> None:
    found = cell(family, name)
    assert (found.M is not None) == MATRIX[family, name]
    if found.M is None:
        return
    assert found.M.shape == (1, *found.A.shape[-2:])
    assert torch.isfinite(found.M).all()
    if (law := LAWS.get(name)) is not None:
        law(family, found)


def gradient(family: str) -> tuple[np.ndarray, np.ndarray]:
    """A and ∂y/∂A in float64, by a backward pass through a copy of the whole head: [C, h, w] each."""
    _, network, x = built(family)
    cut = layer(family)
    with torch.no_grad():
        A, head = spatial(network.features(cut)(x[:1]), network.head(cut), tuple(x.shape[-2:]))
    precise = A.double().requires_grad_()
    y = (copy.deepcopy(head).double()(precise) * target(family)).sum()
    return A[0].double().numpy(), torch.autograd.grad(y, precise)[0][0].numpy()


def near(M: Tensor | None, expected: np.ndarray, most: float = 1e-3) -> None:
    """Relative norm: at the kink of a ReLU, single pixels of a gradient differ between float32 and float64."""
    assert M is not None
    assert np.linalg.norm(M[0].numpy() - expected) <= most * np.linalg.norm(expected)


def is_gradcam(family: str, found: Cell) -> None:
    A, g = gradient(family)
    near(found.M, np.tensordot(g.mean((1, 2)), A, 1))


def is_hirescam(family: str, found: Cell) -> None:
    A, g = gradient(family)
    expected = (g * A).sum(0)
    if np.abs(expected).max() < 1e-5 * np.abs(g * A).sum(0).max():  # a transformer's tokens, behind a normalisation
        assert not found.M.any()
    else:
        near(found.M, expected)


def is_layercam(family: str, found: Cell) -> None:
    A, g = gradient(family)
    near(found.M, (np.maximum(g, 0) * A).sum(0))


def is_cam(family: str, found: Cell) -> None:
    """mean(CAM) + bias = logit."""
    assert found.M is not None
    logit = float(((found.head(found.A) - found.head.bias) * target(family)).sum())
    assert float(found.M.mean()) == pytest.approx(logit, rel=1e-4, abs=1e-6)


def is_complete(family: str, found: Cell) -> None:
    """What the answer says is missing is what is missing; and for DeepLIFT that is nearly nothing."""
    _, _, x = built(family)
    assert found.M is not None
    with torch.no_grad():
        change = float(((found.head(x[:1]) - found.head(torch.zeros_like(x[:1]))) * target(family)).sum())
    (delta,) = found.context.measures["completeness_delta"]
    scale = float(found.M.abs().sum()) + abs(change)
    assert float(found.M.sum()) - change == pytest.approx(delta, abs=1e-4 * scale + 1e-7)


def is_saliency(family: str, found: Cell) -> None:
    _, _, x = built(family)
    at = x[:1].double().requires_grad_()
    y = (copy.deepcopy(found.head).double()(at) * target(family)).sum()
    near(found.M, torch.autograd.grad(y, at)[0][0].abs().amax(0).numpy(), most=0.02)


def is_base_without_rivals(family: str, found: Cell) -> None:
    """γ = 0 is the base method."""
    plain = METHODS["finercam"].function(found.A, found.head, target(family), gamma=0.0)
    base = METHODS["gradcam"].function(found.A, found.head, target(family))
    torch.testing.assert_close(plain, base, rtol=1e-4, atol=1e-6 * float(base.abs().max()))


LAWS = {
    "gradcam": is_gradcam,
    "hirescam": is_hirescam,
    "layercam": is_layercam,
    "cam": is_cam,
    "deeplift": is_complete,
    "integrated-gradients": is_complete,
    "saliency": is_saliency,
    "finercam": is_base_without_rivals,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_batched_is_one_by_one_on_every_family(family: str) -> None:
    for name in ("gradcam", "gradcam++", "xgradcam", "layercam", "eigencam"):
        together = cell(family, name, slice(0, 2)).M
        alone = [cell(family, name, slice(i, i + 1)).M for i in range(2)]
        expected = torch.cat(alone)
        torch.testing.assert_close(together, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_activations_without_a_rule_are_not_passed_over() -> None:
    """Captum's guided backpropagation of a network without plain ReLUs is its gradient: not what it is called."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(4, 7))
    x = torch.rand(1, 3, 8, 8)
    theirs = captum.attr.GuidedBackprop(network).attribute(x.clone().requires_grad_(), target=3)
    at = x.clone().requires_grad_()
    (plain,) = torch.autograd.grad(network(at)[0, 3], at)
    assert torch.equal(theirs, plain)
    with pytest.raises(DoesNotApply, match="no rule for ReLU6"):
        METHODS["guided-backprop"].function(x, network, torch.eye(7)[3:4], context=None)
