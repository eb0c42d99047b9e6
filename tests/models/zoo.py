"""One small network or more of every family, with statistics that would show a forgotten stage."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import MaxVit, SwinTransformer, VisionTransformer
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.efficientnet import FusedMBConvConfig, MBConvConfig
from torchvision.models.resnet import Bottleneck
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformerBlockV2

from service.models.stages import Network, stages

CLASSES = 7


def builder(name: str, **arguments: object) -> Callable[[], nn.Module]:
    return partial(torchvision.models.get_model, name, weights=None, num_classes=CLASSES, **arguments)


def narrow(name: str, **arguments: object) -> Callable[[], nn.Module]:
    """AlexNet and VGG with 64 units where theirs have 4096: the same stages, a thousandth of the weights.

    The full ones are built without memory, which would be half a gigabyte.
    """

    def build() -> nn.Module:
        with torch.device("meta"):
            model = builder(name, **arguments)()
        linear = [place for place, module in enumerate(model.classifier) if isinstance(module, nn.Linear)]
        sizes = [model.classifier[linear[0]].in_features, *(64,) * (len(linear) - 1), CLASSES]
        for place, taken, given in zip(linear, sizes[:-1], sizes[1:], strict=True):
            model.classifier[place] = nn.Linear(taken, given)
        model.to_empty(device="cpu")
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.BatchNorm2d):
                module.reset_parameters()
        return model

    return build


RESNEXT = partial(torchvision.models.ResNet, Bottleneck, [1, 1, 1, 1], groups=32, width_per_group=4)
DENSENET = partial(torchvision.models.DenseNet, growth_rate=8, block_config=(2, 2, 2, 2), num_init_features=16)
EFFICIENTNET_V2 = partial(
    torchvision.models.EfficientNet,
    inverted_residual_setting=[
        FusedMBConvConfig(1, 3, 1, 8, 8, 1),
        FusedMBConvConfig(4, 3, 2, 8, 16, 2),
        FusedMBConvConfig(4, 3, 2, 16, 24, 1),
        MBConvConfig(4, 3, 2, 24, 32, 1),
        MBConvConfig(6, 3, 1, 32, 40, 2),
        MBConvConfig(6, 3, 2, 40, 48, 1),
    ],
    dropout=0.2,
    last_channel=64,
)
CONVNEXT = partial(
    torchvision.models.ConvNeXt,
    block_setting=[
        CNBlockConfig(16, 32, 1),
        CNBlockConfig(32, 64, 1),
        CNBlockConfig(64, 96, 2),
        CNBlockConfig(96, None, 1),
    ],
)
"""Shallow and narrow networks of the large families, with the stages of the full ones."""

SMALL_SWIN = {
    "patch_size": [4, 4],
    "embed_dim": 12,
    "depths": [2, 2],
    "num_heads": [2, 3],
    "window_size": [4, 4],
    "num_classes": CLASSES,
}
SMALL_VIT = {"patch_size": 8, "num_heads": 2, "hidden_dim": 24, "mlp_dim": 48, "num_classes": CLASSES}

FAMILIES: dict[str, tuple[int, Callable[[], nn.Module]]] = {
    "resnet18": (64, builder("resnet18")),
    "resnext50_32x4d": (64, partial(RESNEXT, num_classes=CLASSES)),
    "densenet121": (64, partial(DENSENET, num_classes=CLASSES)),
    "alexnet": (96, narrow("alexnet")),
    "vgg11": (64, narrow("vgg11", init_weights=False)),
    "googlenet": (64, builder("googlenet", aux_logits=True, transform_input=True, init_weights=False)),
    "inception_v3": (96, builder("inception_v3", aux_logits=True, transform_input=True, init_weights=False)),
    **{name: (64, builder(name)) for name in ("mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0")},
    "convnext_tiny": (64, partial(CONVNEXT, num_classes=CLASSES)),
    **{name: (64, builder(name)) for name in ("regnet_x_400mf", "regnet_y_400mf")},
    **{name: (64, builder(name)) for name in ("shufflenet_v2_x0_5", "squeezenet1_0", "squeezenet1_1", "mnasnet0_5")},
    "efficientnet_v2": (64, partial(EFFICIENTNET_V2, num_classes=CLASSES)),
    "vit": (40, partial(VisionTransformer, image_size=40, num_layers=3, **SMALL_VIT)),
    "vit_with_representation": (
        32,
        partial(VisionTransformer, image_size=32, num_layers=2, representation_size=16, **SMALL_VIT),
    ),
    "swin": (64, partial(SwinTransformer, **SMALL_SWIN)),
    "swin_v2": (
        64,
        partial(SwinTransformer, block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2, **SMALL_SWIN),
    ),
    "maxvit": (
        64,
        partial(
            MaxVit,
            input_size=(64, 64),
            stem_channels=8,
            partition_size=4,
            block_channels=[8, 16],
            block_layers=[1, 1],
            head_dim=4,
            stochastic_depth_prob=0.2,
            num_classes=CLASSES,
        ),
    ),
}


@functools.lru_cache(maxsize=2)
def built(name: str) -> tuple[nn.Module, Network, Tensor]:
    """The model, its network and two images it takes; the last two families are remembered."""
    torch.manual_seed(0)
    size, build = FAMILIES[name]
    model = build().eval().requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # fresh statistics would hide a forgotten normalisation
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    if isinstance(model, VisionTransformer):
        model.class_token.normal_()
        for head in model.heads:
            if isinstance(head, nn.Linear):
                head.weight.normal_()  # zero to begin with: every logit would be 0
    return model, Network(stages(model)), torch.randn(2, 3, size, size)


def relative(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())
