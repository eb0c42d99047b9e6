"""Our raw maps against three independent libraries where each is right, and the proof where one is not."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from service.engines.torch import normalised
from service.explain.method import MethodContext
from service.explain.methods import METHODS
from service.models.architecture import architecture as build
from service.models.fitting import load
from service.models.parity import golden_images
from service.models.registry import Registry
from service.models.stages import Network, Stage, stages
from service.models.weights import read
from service.settings import Settings
from tests.full import FULL

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what these packages import is theirs to mend
    import captum.attr
    import pytorch_grad_cam
    import torchcam.methods
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

CLASSES = 5
PAIRS = [(image, index) for image in range(3) for index in (0, 3, 4)]
CUTS = {"resnet18": "layer4", "densenet121": "relu"}
FEWER_PAIRS = [(0, 0), (1, 3), (2, 4)]
"""Every image and every class once."""

HOOKED = {"resnet18": "layer4", "densenet121": "features"}
"""Where the peers hook. DenseNet has no module whose output is the last map: a ReLU follows in its `forward`."""


@dataclass(frozen=True)
class Subject:
    """A seeded network with the feature maps of three images at its last spatial map."""

    model: nn.Module
    network: Network
    cut: str
    hooked: nn.Module
    x: Tensor
    A: Tensor

    def ours(self, name: str, image: int, index: int, **parameters: object) -> np.ndarray:
        target = nn.functional.one_hot(torch.tensor([index]), CLASSES).float()
        A, head = self.A[image : image + 1], self.network.head(self.cut)
        if METHODS[name].reads == "image":
            parameters["context"] = MethodContext(self.x[image : image + 1], torch.no_grad()(self.model))
        return METHODS[name].function(A, head, target, **parameters)[0].numpy()


def last_linear(model: nn.Module) -> nn.Linear:
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


@functools.cache
def subject(architecture: str, scale: float = 1.0) -> Subject:
    """scale: multiplies the logits, for peers whose epsilons count beside small gradients."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(architecture, weights=None, num_classes=CLASSES).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    last_linear(model).weight.data.mul_(scale)
    x = torch.rand(3, 3, 96, 128) * 2 - 1
    network, cut = Network(stages(model)), CUTS[architecture]
    with torch.no_grad():
        A = network.features(cut)(x)
    return Subject(model, network, cut, model.get_submodule(HOOKED[architecture]), x, A)


@functools.cache
def shipped(architecture: str) -> Subject:
    """The model of the registry with that name, on three generated eyes."""
    registry = Registry(Settings(engine="torch"))
    record, entry = registry.status(architecture).record, registry.entry(architecture)
    model = build(entry)
    load(model, read(record.weights, entry.sha256))
    model.eval()
    eyes = [golden_images(registry.entry("resnet18"), registry.status("resnet18").record.file.parent).x[:3]]
    x = normalised(torch.from_numpy(np.concatenate(eyes)), entry.frame.mean, entry.frame.std)
    network, cut = Network(stages(model)), CUTS[architecture]
    with torch.no_grad():
        A = network.features(cut)(x)
    return Subject(model, network, cut, model.get_submodule(HOOKED[architecture]), x, A)


def recut(of: Subject, layer: str, x: Tensor) -> Subject:
    with torch.no_grad():
        return Subject(of.model, of.network, layer, of.model.get_submodule(layer), x, of.network.features(layer)(x))


def by_torchcam(kind: str) -> Callable[[Subject, int, int], np.ndarray]:
    def peer(of: Subject, image: int, index: int) -> np.ndarray:
        more = {"fc_layer": last_linear(of.model)} if kind == "CAM" else {}
        with getattr(torchcam.methods, kind)(of.model, of.hooked, **more) as extractor:
            extractor._relu = False  # the raw map, before its final ReLU
            scores = of.model(of.x[image : image + 1])
            return extractor(index, scores, normalized=False)[0][0].detach().numpy()

    return peer


def by_grad_cam(kind: str) -> Callable[[Subject, int, int], np.ndarray]:
    def peer(of: Subject, image: int, index: int) -> np.ndarray:
        extractor = getattr(pytorch_grad_cam, kind)(model=of.model, target_layers=[of.hooked])
        try:
            targets, x = [ClassifierOutputTarget(index)], of.x[image : image + 1]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                extractor(x, targets)
                seen = extractor.activations_and_grads
                gradients = seen.gradients[0].numpy() if seen.gradients else None
                return extractor.get_cam_image(x, of.hooked, targets, seen.activations[0].numpy(), gradients, False)[0]
        finally:
            extractor.activations_and_grads.release()
            of.model.zero_grad(set_to_none=True)

    return peer


def by_captum(of: Subject, image: int, index: int) -> np.ndarray:
    attribution = captum.attr.LayerGradCam(of.model, of.hooked)
    return attribution.attribute(of.x[image : image + 1], target=index)[0, 0].detach().numpy()


def scaled(M: np.ndarray) -> np.ndarray:
    return M / np.abs(M).max()


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two maps, each divided by its largest magnitude."""
    return float(np.abs(scaled(a) - scaled(b)).max())


RIGHT = {
    "resnet18": {
        "cam": {"torchcam": by_torchcam("CAM")},
        "gradcam": {
            "torchcam": by_torchcam("GradCAM"),
            "grad-cam": by_grad_cam("GradCAM"),
            "captum": by_captum,
        },
        "xgradcam": {"torchcam": by_torchcam("XGradCAM"), "grad-cam": by_grad_cam("XGradCAM")},
        "layercam": {"torchcam": by_torchcam("LayerCAM"), "grad-cam": by_grad_cam("LayerCAM")},
        "hirescam": {"grad-cam": by_grad_cam("HiResCAM")},
    },
    "densenet121": {
        "cam": {"torchcam": by_torchcam("CAM")},
        "gradcam": {"torchcam": by_torchcam("GradCAM")},
        "xgradcam": {"torchcam": by_torchcam("XGradCAM")},
        "layercam": {"torchcam": by_torchcam("LayerCAM")},
    },
}
CASES = [(a, name, peer) for a, methods in RIGHT.items() for name, peers in methods.items() for peer in peers]


@pytest.mark.parametrize("weights", [subject, shipped], ids=["seeded", "shipped"])
@pytest.mark.parametrize(("architecture", "name", "peer"), CASES)
def test_the_raw_map_is_the_peers(architecture: str, name: str, peer: str, weights: Callable[[str], Subject]) -> None:
    of = weights(architecture)
    for pair in PAIRS if FULL else FEWER_PAIRS:
        ours, theirs = scaled(of.ours(name, *pair)), scaled(RIGHT[architecture][name][peer](of, *pair))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5, err_msg=f"image and class {pair}")


@pytest.mark.parametrize("layer", ["layer1", "layer2", "layer3"])
def test_the_raw_map_is_the_peers_where_the_head_needs_a_backward_pass(layer: str) -> None:
    of = recut(subject("resnet18"), layer, subject("resnet18").x)
    for name, peers in RIGHT["resnet18"].items():
        for title, peer in peers.items() if name != "cam" else ():
            assert distance(of.ours(name, 1, 2), peer(of, 1, 2)) < 1e-4, (name, title)


def test_scorecam_is_torchcams() -> None:
    of = recut(subject("resnet18"), "layer4", subject("resnet18").x[:1, :, :64, :64])
    assert distance(of.ours("scorecam", 0, 3), by_torchcam("ScoreCAM")(of, 0, 3)) < 1e-4


def test_finercam_is_torchcams_with_chosen_and_with_named_references() -> None:
    of = subject("resnet18")
    versus = nn.functional.one_hot(torch.tensor([0, 4]), CLASSES).float().mean(0, keepdim=True)
    for base, kind in (("gradcam", "GradCAM"), ("layercam", "LayerCAM")):
        method = getattr(torchcam.methods, kind)
        with torchcam.methods.FinerCAM(of.model, of.hooked, base_method=method) as extractor:
            extractor.base_cam._relu = False
            for comparison, ours in ((None, {}), ([0, 4], {"versus": versus})):
                scores = of.model(of.x[:1])
                theirs = extractor(2, scores, comparison, normalized=False)[0][0].detach().numpy()
                assert distance(of.ours("finercam", 0, 2, base=base, **ours), theirs) < 1e-4


def test_gradcam_plus_plus_is_grad_cams_where_its_epsilon_does_not_count() -> None:
    of = subject("resnet18", scale=1000.0)
    for image, index in PAIRS:
        assert distance(of.ours("gradcam++", image, index), by_grad_cam("GradCAMPlusPlus")(of, image, index)) < 1e-4


def test_ablationcam_is_grad_cams_up_to_the_sign_of_the_score() -> None:
    """Theirs divides by the score itself, which turns the map over where that is negative."""
    of = recut(subject("resnet18"), "layer4", subject("resnet18").x[:1, :, :64, :64])
    with torch.no_grad():
        y = of.model(of.x[:1])[0]
    for index in (int(y.argmax()), int(y.argmin())):
        theirs = by_ablation(of, index)
        assert distance(of.ours("ablationcam", 0, index), theirs * float(y[index].sign())) < 1e-4


def by_ablation(of: Subject, index: int) -> np.ndarray:
    extractor = pytorch_grad_cam.AblationCAM(of.model, [of.hooked], batch_size=64)
    targets, activations = [ClassifierOutputTarget(index)], of.A[:1].numpy()
    try:
        weights = extractor.get_cam_weights(of.x[:1], of.hooked, targets, activations, None)
        return (weights[0][:, None, None] * activations[0]).sum(0)
    finally:
        extractor.activations_and_grads.release()


# Where a peer is wrong. These tests fail on the day a peer is mended: then it moves up into the table.


def formula(of: Subject, image: int, index: int) -> np.ndarray:
    """Grad-CAM++ of a pooled linear head in float64: w_k = Z · ReLU(g_k) / (2 + S_k g_k)."""
    A = of.A[image].double().numpy()
    area = A[0].size
    g = last_linear(of.model).weight[index].detach().double().numpy() / area
    weights = area * np.maximum(g, 0) / (2 + A.sum((1, 2)) * g)
    return np.tensordot(weights, A, 1)


@pytest.mark.parametrize(("architecture", "least"), [("resnet18", 0.01), ("densenet121", 0.01)])
def test_torchcams_gradcam_plus_plus_is_not_that_of_the_paper(architecture: str, least: float) -> None:
    """It divides a masked copy in place, so its α stays g²: far from the formula, which ours keeps."""
    of = subject(architecture)
    for image, index in PAIRS:
        assert distance(of.ours("gradcam++", image, index), formula(of, image, index)) < 1e-4
        assert distance(by_torchcam("GradCAMpp")(of, image, index), formula(of, image, index)) > least


def test_grad_cams_epsilon_ties_gradcam_plus_plus_to_the_scale_of_the_logits() -> None:
    of = subject("resnet18")
    moved = [distance(by_grad_cam("GradCAMPlusPlus")(of, *pair), formula(of, *pair)) for pair in PAIRS]
    assert max(moved) > 1e-3
    assert max(distance(of.ours("gradcam++", *pair), formula(of, *pair)) for pair in PAIRS) < 1e-4


@pytest.mark.parametrize("peer", [by_captum, by_grad_cam("GradCAM")], ids=["captum", "grad-cam"])
def test_hooks_on_a_densenet_miss_its_last_relu(peer: Callable[..., np.ndarray]) -> None:
    """Captum sees the features before the ReLU; grad-cam the features behind it, with the gradient before it."""
    of = subject("densenet121")
    apart = [distance(peer(of, *pair), of.ours("gradcam", *pair)) for pair in PAIRS]
    assert min(apart) > 0.01
    W = of.model.classifier.weight.detach()
    for image, index in PAIRS:
        true_cam = torch.einsum("c,chw->hw", W[index], of.A[image]).numpy()
        assert distance(of.ours("gradcam", image, index), true_cam) < 1e-4


def test_grad_cams_eigencam_is_centred_and_turns_over() -> None:
    """The paper projects A itself; theirs subtracts the mean of every feature map, and leaves the sign to chance."""
    of = subject("resnet18")
    A = of.A[0].double().flatten(1).numpy()
    _, values, right = np.linalg.svd(A, full_matrices=False)
    first = (values[0] * np.abs(right[0])).reshape(of.A.shape[2:])
    assert distance(of.ours("eigencam", 0, 0), first) < 1e-4
    assert distance(by_grad_cam("EigenCAM")(of, 0, 0), first) > 0.1


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_finercam_has_references_for_every_number_of_classes(classes: int) -> None:
    """TorchCAM refuses a single logit, grad-cam's default fails on it; ours then has no reference and is its base."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))
    network = Network(tuple(Stage(name, module) for name, module in model.eval().named_children()))
    x = torch.rand(1, 3, 12, 12)
    with torch.no_grad():
        A = network.features("1")(x)
    target = torch.eye(classes)[:1]
    ours = METHODS["finercam"].function(A, network.head("1"), target)
    base = METHODS["gradcam"].function(A, network.head("1"), target)
    assert torch.isfinite(ours).all()
    assert torch.equal(ours, base) == (classes == 1)
    if classes == 1:
        with torchcam.methods.FinerCAM(model, model[1]) as extractor, pytest.raises(ValueError, match="at least one"):
            extractor(0, model(x))
        with pytest.raises(AttributeError, match="backward"):
            pytorch_grad_cam.FinerCAM(model, [model[1]])(x)


def test_an_index_error_does_not_pass_for_a_map() -> None:
    """grad-cam's `with` block swallows it and goes on; ours raises what every other mistake raises."""
    of = subject("resnet18")
    with pytorch_grad_cam.GradCAM(of.model, [of.hooked]) as extractor:
        extractor(of.x[:1], [ClassifierOutputTarget(CLASSES)])
    with pytest.raises((IndexError, RuntimeError)):
        of.ours("gradcam", 0, CLASSES)
