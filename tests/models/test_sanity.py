"""Maps must change with the weights; a map that does not is found out, and nothing of the model is touched."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from service.explain.gradients import gradcam
from service.explain.methods import METHODS
from service.explain.module_copies import shuffled_copy
from service.explain.quality import correlation
from service.images.frame import Frame
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.models.parity import GoldenImages, drawn_images
from service.models.registry import Registry
from service.models.sanity import MAX_CORRELATION, sanity
from service.settings import Settings

SIDE = 64


def edges() -> nn.Module:
    """Its first stage finds edges whatever happens above, for it has nothing to learn; then one learned stage."""
    kernel = torch.tensor([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]).expand(1, 3, 3, 3) / 3
    conv = nn.Conv2d(3, 1, 3, stride=4, bias=False)
    conv.weight = nn.Parameter(kernel.clone())
    last = nn.Linear(1, 2, bias=False)
    last.weight = nn.Parameter(torch.tensor([[1.0], [1.0]]))
    stages = OrderedDict(conv=conv, relu=nn.ReLU(), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(1), fc=last)
    return nn.Sequential(stages)


def classifier_of(model: nn.Module) -> Classifier:
    entry = Entry(
        name="edges",
        architecture="tests.models.test_sanity:edges",
        weights="edges.safetensors",
        sha256="0" * 64,
        labels=("a", "b"),
        frame=Frame(resize=SIDE, crop=SIDE, mean=(0, 0, 0), std=(1, 1, 1)),
        card={"intended_use": "tests", "do_not_use": "-", "training_data": "none", "licence": "Apache-2.0"},
    )
    return Classifier.build(entry, model.state_dict(), "0" * 64, "torch")


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry(Settings(engine="torch"))
    registry.load_all().join()
    return registry


@pytest.mark.parametrize("name", ["glaucoma", "resnet18", "densenet121"])
def test_the_shipped_models_maps_owe_something_to_their_weights(registry: Registry, name: str) -> None:
    """Loaded with the others, each model has its report; from the last stage with weights down to the first."""
    report = registry.status(name).sanity
    assert report is not None
    network = registry.get(name).network
    weighty = [stage.name for stage in network.stages if any(p.dim() > 1 for p in stage.module.parameters())]
    assert [step.stage for step in report.steps] == weighty[::-1]
    for method, similar in report.steps[-1].similarity.items():
        assert report.changed[method] == (similar <= MAX_CORRELATION)
    assert report.changed["gradcam"]
    assert report.changed["cam"]


def test_a_map_without_a_class_survives_a_head_that_knows_nothing(registry: Registry) -> None:
    """Eigen-CAM does not read the head: after the head alone is shuffled its maps are what they were."""
    first = registry.status("resnet18").sanity.steps[0]
    assert first.stage == "fc"
    assert first.similarity["eigencam"] == pytest.approx(1.0, abs=1e-6)
    assert first.similarity["gradcam"] < 0.99


def test_a_network_whose_maps_are_mere_edges_is_found_out() -> None:
    """A shuffled edge filter still answers to edges alone, and one feature map leaves the head nothing to choose."""
    torch.manual_seed(0)
    pixels = torch.zeros(4, SIDE, SIDE, 3, dtype=torch.uint8)
    pixels[:, 20:44, 20:44] = 255
    report = sanity(classifier_of(edges()), GoldenImages(pixels.numpy(), "drawn"))
    assert report.steps[0].similarity["eigencam"] > MAX_CORRELATION


def test_the_report_leaves_the_classifier_as_it_was() -> None:
    classifier = classifier_of(edges())
    before = [p.clone() for stage in classifier.network.stages for p in stage.module.parameters()]
    golden = GoldenImages(drawn_images((SIDE, SIDE)), "drawn")
    assert sanity(classifier, golden) == sanity(classifier, golden)
    after = [p for stage in classifier.network.stages for p in stage.module.parameters()]
    assert all(map(torch.equal, before, after))


def test_the_whole_cascade_is_the_network_with_every_stage_shuffled(registry: Registry) -> None:
    """The last step a second way: every stage shuffled at once, the whole network run from its input."""
    classifier = registry.get("resnet18")
    golden = GoldenImages(drawn_images(classifier.entry.frame.shape)[:2], "drawn")
    report = sanity(classifier, golden)
    x = classifier.normalised(torch.from_numpy(golden.x))
    stages = [(stage.name, shuffled_copy(stage.module, seed=i)) for i, stage in enumerate(classifier.network.stages)]
    place = classifier.network.place(classifier.cut)
    with torch.no_grad():
        A = nn.Sequential(*(module for _, module in stages[:place]))(x)
        whole = classifier.network.features(classifier.cut)(x)
        target = nn.functional.one_hot(classifier.head(classifier.cut)(whole).argmax(1), 5).float()
    broken = gradcam(A, nn.Sequential(*(module for _, module in stages[place:])), target)
    kept = gradcam(whole, classifier.head(classifier.cut), target)
    expected = sum(correlation(*pair) or 0.0 for pair in zip(kept, broken, strict=True)) / 2
    assert report.steps[-1].similarity["gradcam"] == pytest.approx(expected, abs=1e-3)
    assert set(report.changed) <= set(METHODS)
