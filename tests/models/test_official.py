from __future__ import annotations

import pytest
import torch
import torchvision
from torchvision.models import ResNet18_Weights, ResNet101_Weights, densenet121, googlenet

from service.errors import RegistryError
from service.models.official import official, with_current_names


def test_the_facts_are_torchvisions_own() -> None:
    facts = official("torchvision:ResNet18_Weights.IMAGENET1K_V1")
    assert facts.url == ResNet18_Weights.IMAGENET1K_V1.url
    assert facts.hash_prefix == "f37072fd"
    assert len(facts.labels) == 1000
    assert facts.labels[1] == "goldfish"
    assert (facts.frame.resize, facts.frame.crop, facts.frame.interpolation) == (256, 224, "bilinear")
    assert official("torchvision:ResNet101_Weights.IMAGENET1K_V2").frame.resize == 232
    assert official("torchvision:ResNet101_Weights.DEFAULT").url == ResNet101_Weights.DEFAULT.url
    assert official("torchvision:EfficientNet_B0_Weights.IMAGENET1K_V1").frame.interpolation == "bicubic"


def test_labels_that_occur_twice_are_told_apart() -> None:
    categories = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    labels = official("torchvision:ResNet18_Weights.IMAGENET1K_V1").labels
    assert len(set(labels)) == 1000
    assert all(label.startswith(category) for label, category in zip(labels, categories, strict=True))


@pytest.mark.parametrize(
    "reference",
    [
        "torchvision:ResNet18_Weights.V9",
        "torchvision:ResNet19_Weights.IMAGENET1K_V1",
        "torchvision:ResNet18_Weights",
        "torchvision:get_weight.x",
        "torchvision:../../x.y",
        "torchvision:",
        "torchvision:VGG16_Weights.IMAGENET1K_FEATURES",
        "torchvision:FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1",
        "torchvision:ResNet18_QuantizedWeights.IMAGENET1K_FBGEMM_V1",
    ],
)
def test_what_torchvision_does_not_have_or_is_no_classifier(reference: str) -> None:
    with pytest.raises(RegistryError, match=r"torchvision has no|not the weights of an image classifier"):
        official(reference)


def test_densenets_old_names_become_todays() -> None:
    """The published file, rebuilt from torchvision's own rule read backwards: dotted names, no counters."""
    with torch.device("meta"):
        today = densenet121().state_dict()
    published = {}
    for name, tensor in today.items():
        if not name.endswith("num_batches_tracked"):
            parts = name.split(".")
            dotted = [f"{p[:-1]}.{p[-1]}" if len(parts) > 4 and p[:-1] in ("norm", "conv") else p for p in parts]
            published[".".join(dotted)] = tensor
    assert "features.denseblock1.denselayer1.norm.1.weight" in published
    assert "features.norm5.weight" in published
    assert "features.transition1.norm.weight" in published
    state = with_current_names(published)
    assert state.keys() == today.keys()
    assert all(state[name].shape == tensor.shape for name, tensor in today.items())
    assert with_current_names(state).keys() == today.keys()


def test_googlenets_untrained_heads_are_left_out() -> None:
    with torch.device("meta"):
        published = googlenet(init_weights=False).state_dict()
        today = googlenet(init_weights=False, aux_logits=False).state_dict()
    assert len(published) > len(today)
    assert with_current_names(published).keys() == today.keys()


@pytest.mark.parametrize("name", ["resnet18", "resnet101", "alexnet", "vgg16"])
def test_other_families_pass_unchanged(name: str) -> None:
    with torch.device("meta"):
        state = torchvision.models.get_model(name).state_dict()
    assert with_current_names(state).keys() == state.keys()
