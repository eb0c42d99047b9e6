"""Each method against its paper's formula, written a second way: float64, one channel at a time, autograd for g."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from service.explain.heads import PooledLinear, simplify
from service.explain.methods import METHODS
from tests.explain.networks import CHANNELS, HEADS, Cut, applies, cut, explain, one_hot

Array = NDArray[np.float64]
TARGET = 2


def gradient(A: torch.Tensor, network: Cut, index: int = TARGET) -> Array:
    A = A.double().requires_grad_()
    logits = network.head.double()(A.clone())[0]  # the clone keeps in-place layers off the leaf
    return torch.autograd.grad(logits[index], A)[0][0].numpy()


def cam(A: Array, g: Array, network: Cut) -> Array:
    return sum(float(network.head.weight[TARGET, k]) * A[k] for k in range(CHANNELS))


def gradcam(A: Array, g: Array, network: Cut) -> Array:
    return sum(g[k].mean() * A[k] for k in range(CHANNELS))


def gradcam_plus_plus(A: Array, g: Array, network: Cut) -> Array:
    total = np.zeros_like(A[0])
    for k in range(CHANNELS):
        weight = 0.0
        for value in g[k].ravel():
            if value != 0:
                alpha = value**2 / (2 * value**2 + A[k].sum() * value**3)
                weight += alpha * max(value, 0)
        total += weight * A[k]
    return total


def xgradcam(A: Array, g: Array, network: Cut) -> Array:
    return sum((g[k] * A[k]).sum() / A[k].sum() * A[k] for k in range(CHANNELS) if A[k].sum())


def hirescam(A: Array, g: Array, network: Cut) -> Array:
    return sum(g[k] * A[k] for k in range(CHANNELS))


def layercam(A: Array, g: Array, network: Cut) -> Array:
    return sum(np.maximum(g[k], 0) * A[k] for k in range(CHANNELS))


def eigencam(A: Array, g: Array, network: Cut) -> Array:
    _, values, right = np.linalg.svd(A.reshape(CHANNELS, -1), full_matrices=False)
    first = values[0] * right[0]
    return (first if first.sum() >= 0 else -first).reshape(A.shape[1:])


def ablationcam(A: Array, g: Array, network: Cut) -> Array:
    def y(maps: Array) -> float:
        with torch.no_grad():
            return float(network.head.double()(torch.tensor(maps[None]))[0, TARGET])

    total = np.zeros_like(A[0])
    for k in range(CHANNELS):
        without = A.copy()
        without[k] = 0
        total += (y(A) - y(without)) / abs(y(A)) * A[k]
    return total


def scorecam(A: Array, g: Array, network: Cut) -> Array:
    scores = []
    for k in range(CHANNELS):
        spread = A[k].max() - A[k].min()
        mask = (A[k] - A[k].min()) / spread if spread else np.zeros_like(A[k])
        up = torch.nn.functional.interpolate(torch.tensor(mask)[None, None], size=(28, 28), mode="bilinear")
        with torch.no_grad():
            masked = network.x[:1].double() * up
            scores.append(float(network.head.double()(network.features.double()(masked))[0, TARGET]))
    weights = np.exp(np.array(scores) - max(scores))
    return sum(w * A[k] for k, w in enumerate(weights / weights.sum()))


def finercam(A: Array, g: Array, network: Cut) -> Array:
    with torch.no_grad():
        logits = network.head.double()(torch.tensor(A[None]))[0].numpy()
    others = sorted((k for k in range(5) if k != TARGET), key=lambda k: abs(logits[k] - logits[TARGET]))[:3]
    contrast = g - 0.6 * np.mean([gradient(torch.tensor(A[None]), network, k) for k in others], axis=0)
    return gradcam(A, contrast, network)


def saliency(x: Array, g: Array, network: Cut) -> Array:
    return np.abs(g).max(0)


def smoothgrad(x: Array, g: Array, network: Cut) -> Array:
    generator = torch.Generator().manual_seed(0)
    total = np.zeros_like(x)
    for _ in range(16):
        noise = torch.randn(x.shape, generator=generator).double().numpy()
        total += gradient(torch.tensor(x + 0.15 * (x.max() - x.min()) * noise)[None], network)
    return np.abs(total / 16).max(0)


def input_x_gradient(x: Array, g: Array, network: Cut) -> Array:
    return (x * g).sum(0)


def integrated_gradients(x: Array, g: Array, network: Cut) -> Array:
    """48 Gauss–Legendre points, 6 in each eighth of the path."""
    nodes, weights = np.polynomial.legendre.leggauss(6)
    total = np.zeros_like(x)
    for piece in range(8):
        for node, weight in zip(nodes, weights, strict=True):
            at = (piece + (1 + node) / 2) / 8
            total += weight / 2 / 8 * gradient(torch.tensor(at * x)[None], network)
    return (x * total).sum(0)


def backward(network: Cut, x: Array, relu: Callable[[Array, Array, Array, Array, Array], Array]) -> Array:
    """The signal at the input, layer by layer, with a rule of its own for ReLUs.

    relu: called with (signal, in, out, in at baseline 0, out at baseline 0).
    """
    layers = [
        layer for part in network.head.double() for layer in (part if isinstance(part, torch.nn.Sequential) else [part])
    ]
    ins, blank = [torch.tensor(x)[None]], [torch.zeros(1, *x.shape, dtype=torch.float64)]
    for layer in layers:
        with torch.no_grad():
            ins.append(layer(ins[-1].clone()))
            blank.append(layer(blank[-1].clone()))
    signal = torch.nn.functional.one_hot(torch.tensor([TARGET]), 5).double()
    for i, layer in reversed(list(enumerate(layers))):
        if isinstance(layer, torch.nn.ReLU):
            values = (signal, ins[i], ins[i + 1], blank[i], blank[i + 1])
            signal = torch.tensor(relu(*(value.numpy() for value in values)))
        else:
            signal = torch.autograd.functional.vjp(layer, ins[i], signal)[1]
    return signal[0].numpy()


def guided(x: Array, network: Cut) -> Array:
    return backward(network, x, lambda signal, i, o, i0, o0: np.maximum(signal, 0) * (i > 0))


def guided_backprop(x: Array, g: Array, network: Cut) -> Array:
    return guided(x, network).sum(0)


def guided_gradcam(x: Array, g: Array, network: Cut) -> Array:
    features, head = network.head.double()[0], network.head.double()[1]
    with torch.no_grad():
        A = features(torch.tensor(x)[None])
    deep = Cut(features, head, network.x)
    coarse = np.maximum(gradcam(A[0].numpy(), gradient(A, deep), deep), 0)
    fine = torch.nn.functional.interpolate(torch.tensor(coarse)[None, None], size=(28, 28), mode="bilinear")
    return (guided(x, network) * fine[0].numpy()).sum(0)


def deeplift(x: Array, g: Array, network: Cut) -> Array:
    def rescale(signal: Array, i: Array, o: Array, i0: Array, o0: Array) -> Array:
        return signal * np.where(np.abs(i - i0) > 1e-12, (o - o0) / np.where(i == i0, 1, i - i0), i > 0)

    return (backward(network, x, rescale) * x).sum(0)


def occlusion(x: Array, g: Array, network: Cut) -> Array:
    def y(pixels: Array) -> float:
        with torch.no_grad():
            return float(network.head.double()(torch.tensor(pixels)[None])[0, TARGET])

    fall, times = np.zeros(x.shape[1:]), np.zeros(x.shape[1:])
    for top in range(0, 28, 6):
        for left in range(0, 28, 6):
            covered = x.copy()
            covered[:, top : top + 8, left : left + 8] = 0
            fall[top : top + 8, left : left + 8] += y(x) - y(covered)
            times[top : top + 8, left : left + 8] += 1
    return fall / times


def excitation_backprop(A: Array, g: Array, network: Cut) -> Array:
    """Every layer as a dense matrix."""
    if isinstance(network.head, PooledLinear):
        layers: list[torch.nn.Module] = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(1), torch.nn.Linear(12, 5)]
        layers[2].weight.data = network.head.weight.detach().clone()
        layers = [layer.double() for layer in layers]
    else:
        layers = list(network.head.double())
    ins = [torch.tensor(A)[None]]
    for layer in layers:
        with torch.no_grad():
            ins.append(layer(ins[-1].clone()))
    top = max(i for i, layer in enumerate(layers) if isinstance(layer, torch.nn.Linear))
    signal = np.eye(5)[TARGET]
    for i, layer in reversed(list(enumerate(layers))):
        if isinstance(layer, (torch.nn.ReLU, torch.nn.BatchNorm2d, torch.nn.Identity, torch.nn.Flatten)):
            continue
        jacobian = torch.autograd.functional.jacobian(layer, ins[i])
        W = jacobian.reshape(ins[i + 1].numel(), ins[i].numel()).numpy()
        a = np.maximum(ins[i].numpy().ravel(), 0)

        def passed(W: Array, a: Array = a, signal: Array = signal) -> Array:
            won = np.maximum(W, 0) @ a
            return a * (np.maximum(W, 0).T @ np.where(won > 0, signal / np.where(won > 0, won, 1), 0))

        signal = passed(W) - passed(-W) if i == top else passed(W)
    return signal.reshape(A.shape).sum(0)


PARAMETERS = {"occlusion": {"window": 8, "stride": 6}}

FORMULAS: dict[str, Callable[[Array, Array, Cut], Array]] = {
    "cam": cam,
    "gradcam": gradcam,
    "gradcam++": gradcam_plus_plus,
    "xgradcam": xgradcam,
    "hirescam": hirescam,
    "layercam": layercam,
    "eigencam": eigencam,
    "ablationcam": ablationcam,
    "scorecam": scorecam,
    "finercam": finercam,
    "excitation-backprop": excitation_backprop,
    "saliency": saliency,
    "smoothgrad": smoothgrad,
    "input-x-gradient": input_x_gradient,
    "integrated-gradients": integrated_gradients,
    "guided-backprop": guided_backprop,
    "guided-gradcam": guided_gradcam,
    "deeplift": deeplift,
    "occlusion": occlusion,
}


def test_every_method_has_its_formula_here() -> None:
    assert FORMULAS.keys() == METHODS.keys()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", METHODS)
def test_the_map_is_the_papers(name: str, head: str, seed: int) -> None:
    network = cut(head, seed=seed)
    if not applies(METHODS[name], network):
        with pytest.raises(Exception, match="gradcam generalises cam"):
            explain(METHODS[name], network, one_hot([TARGET]), slice(0, 1))
        return
    got = explain(METHODS[name], network, one_hot([TARGET]), slice(0, 1), **PARAMETERS.get(name, {}))[0].numpy()
    if METHODS[name].reads == "pixels":
        network = Cut(torch.nn.Identity(), torch.nn.Sequential(network.features, network.head), network.x)
    A = network.A[:1]
    expected = FORMULAS[name](A[0].double().numpy(), gradient(A, network), network)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_the_mean_of_a_class_activation_map_and_the_bias_are_the_logit() -> None:
    network = cut("pooled-linear")
    assert isinstance(network.head, PooledLinear)
    maps = explain(METHODS["cam"], network, torch.eye(5).repeat(3, 1)[:3])
    logits = network.head(network.A)
    torch.testing.assert_close(maps.mean((1, 2)) + network.head.bias[:3], logits[range(3), range(3)])


def test_gradcam_is_the_class_activation_map_divided_by_its_area() -> None:
    network, target = cut("pooled-linear"), one_hot([0, 1, 2])
    for name in ("gradcam", "hirescam"):
        torch.testing.assert_close(
            explain(METHODS[name], network, target) * 49, explain(METHODS["cam"], network, target), rtol=1e-5, atol=1e-6
        )


def test_gradcam_plus_plus_knows_no_absolute_scale() -> None:
    """Logits a million times smaller give the same map a million times smaller; an absolute epsilon would move it."""
    network = cut("pooled-linear")
    small = cut("pooled-linear")
    with torch.no_grad():
        small.head.weight.mul_(1e-6)
        small.features[0].weight.mul_(1e-3)
        small.features[0].bias.mul_(1e-3)
    plain = explain(METHODS["gradcam++"], small, one_hot([0, 1, 2]))
    closed = torch.relu(small.head.weight[:3] / 49) * 49 / 2  # S_k g vanishes beside 2
    torch.testing.assert_close(plain, torch.einsum("nc,nchw->nhw", closed, small.A), rtol=1e-4, atol=0)
    assert torch.isfinite(explain(METHODS["gradcam++"], network, one_hot([0, 1, 2]))).all()


def test_finercam_without_contrast_is_its_base() -> None:
    network, target = cut("perceptron"), one_hot([0, 1, 2])
    for base in ("gradcam", "layercam", "hirescam", "xgradcam", "gradcam++"):
        torch.testing.assert_close(
            explain(METHODS["finercam"], network, target, gamma=0.0, base=base),
            explain(METHODS[base], network, target),
        )


def test_finercam_against_named_classes() -> None:
    network, target = cut("pooled-linear"), one_hot([0])
    versus = one_hot([3, 4]).mean(0, keepdim=True)
    got = explain(METHODS["finercam"], network, target, slice(0, 1), versus=versus, gamma=1.0)
    weights = network.head.weight
    by_hand = weights[0] - (weights[3] + weights[4]) / 2
    torch.testing.assert_close(got[0], torch.einsum("c,chw->hw", by_hand / 49, network.A[0]))


def test_the_negative_side_of_a_single_logit_is_the_negative_map() -> None:
    network = cut("pooled-linear", classes=1)
    positive = explain(METHODS["cam"], network, torch.ones(1, 1), slice(0, 1))
    torch.testing.assert_close(explain(METHODS["cam"], network, -torch.ones(1, 1), slice(0, 1)), -positive)


def test_scorecam_stops_at_its_deadline_and_says_how_far_it_came() -> None:
    from service.explain import perturbations
    from service.explain.method import Deadline, MethodContext

    network = cut("pooled-linear")
    deadline = Deadline(at=0.0)
    A = network.A[:1].repeat(1, 4, 1, 1)  # 48 feature maps, three chunks
    assert A.shape[1] > 2 * perturbations.CHUNK
    maps = perturbations.scorecam(
        A, network.head, one_hot([0]), MethodContext(network.x[:1], network.forward, deadline)
    )
    assert deadline.completed == perturbations.CHUNK / A.shape[1]
    assert torch.isfinite(maps).all()
    assert maps.abs().max() > 0


def test_a_rectified_mean_is_no_pooled_linear_head() -> None:
    """Its means have both signs at a cut in front of a ReLU: taken for pooled and linear, its CAM would be wrong."""
    modules = [nn.AdaptiveAvgPool2d(1), nn.ReLU(), nn.Flatten(1), nn.Linear(4, 3)]
    assert not isinstance(simplify(modules, (4, 24, 24)), PooledLinear)
    assert isinstance(simplify([modules[0], modules[2], modules[3]], (4, 24, 24)), PooledLinear)
    assert isinstance(simplify([nn.AvgPool2d(24), modules[2], modules[3]], (4, 24, 24)), PooledLinear)
