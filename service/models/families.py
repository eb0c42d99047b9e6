"""The families of torchvision classifiers, each as a list of named stages. `FAMILIES` is the one table.

All stages in order compute exactly what the model computes. A new family is one function and one line in the table.
What a family's `forward` does between its submodules (a ReLU, a pooling, a flattening) becomes a stage of its own;
DenseNet's last spatial map is therefore the one *after* norm5 and its ReLU. Every map is [N, C, h, w], also where a
family computes with channels last, and tokens are [N, L, D].
"""

from __future__ import annotations

import copy
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torchvision.models import (
    VGG,
    AlexNet,
    ConvNeXt,
    DenseNet,
    EfficientNet,
    GoogLeNet,
    Inception3,
    MaxVit,
    MNASNet,
    MobileNetV2,
    MobileNetV3,
    RegNet,
    ResNet,
    ShuffleNetV2,
    SqueezeNet,
    SwinTransformer,
    VisionTransformer,
)

Stages = Iterator[tuple[str, nn.Module]]


def input_transform(model: GoogLeNet | Inception3) -> nn.Conv2d:
    """Inception's change from ImageNet's normalisation to its own, channel by channel, [N, 3, H, W] -> the same."""
    transform = nn.Conv2d(3, 3, 1, groups=3).requires_grad_(False)
    offset, one = (model._transform_input(torch.full((1, 3, 1, 1), value)) for value in (0.0, 1.0))
    transform.weight.data, transform.bias.data = (one - offset).view(3, 1, 1, 1), offset.flatten()  # type: ignore[union-attr]
    return transform


class ChannelsFirst(nn.Module):
    """A module that computes on [N, h, w, C], between maps [N, C, h, w] -> [N, C', h', w']."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, A: Tensor) -> Tensor:
        """Move the channels last, compute, and move them back."""
        computed: Tensor = self.module(A.permute(0, 2, 3, 1))
        return computed.permute(0, 3, 1, 2)


class Tokens(nn.Module):
    """Patches to tokens: [N, D, h, w] -> [N, 1 + h·w, D], the class token first, positions added."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.class_token, self.position = model.class_token, model.encoder.pos_embedding

    def forward(self, patches: Tensor) -> Tensor:
        """Flatten, prepend the class token, add the position embedding."""
        tokens = patches.flatten(2).mT  # (N, h·w, D)
        placed: Tensor = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], dim=1) + self.position
        return placed


class ClassToken(nn.Module):
    """The class token alone: [N, L, D] -> [N, D]."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Take the first token."""
        token: Tensor = tokens[:, 0]
        return token


def resnet(model: ResNet) -> Stages:
    """ResNet (He 2016), ResNeXt (Xie 2017) and Wide ResNet (Zagoruyko 2016)."""
    yield from children(model, "conv1 bn1 relu maxpool layer1 layer2 layer3 layer4 avgpool")
    yield "flatten", nn.Flatten(1)
    yield "fc", model.fc


def densenet(model: DenseNet) -> Stages:
    """DenseNet (Huang 2017): its `forward` adds a ReLU, a pooling and a flattening of its own."""
    yield from model.features.named_children()
    yield "relu", nn.ReLU()
    yield from pooled()
    yield "classifier", model.classifier


def sequential(model: AlexNet | VGG | EfficientNet | MobileNetV3) -> Stages:
    """AlexNet (Krizhevsky 2012), VGG (Simonyan 2015), MobileNetV3 (Howard 2019), EfficientNet (Tan 2019, 2021)."""
    yield from prefixed("features", model.features)
    yield "avgpool", model.avgpool
    yield "flatten", nn.Flatten(1)
    yield from prefixed("classifier", model.classifier)


def mobilenet_v2(model: MobileNetV2) -> Stages:
    """MobileNetV2 (Sandler 2018)."""
    yield from prefixed("features", model.features)
    yield from pooled()
    yield from prefixed("classifier", model.classifier)


def explicit(module: nn.Module) -> nn.Module:
    """The same with Inception's functional ReLUs as modules, so that methods with a rule for ReLUs meet them.

    Shares every parameter with the original, which stays as it is.
    """
    if isinstance(module, BASIC):
        return nn.Sequential(OrderedDict(conv=module.conv, bn=module.bn, relu=nn.ReLU()))
    shallow = copy.copy(module)
    shallow._modules = {name: child and explicit(child) for name, child in module._modules.items()}
    return shallow


BASIC = tuple(sys.modules[family.__module__].BasicConv2d for family in (GoogLeNet, Inception3))
"""Convolution, normalisation and ReLU in one; `torchvision.models.googlenet` the module hides behind the builder."""


def googlenet(model: GoogLeNet) -> Stages:
    """GoogLeNet (Szegedy 2015) without its auxiliary classifiers, which are silent at inference."""
    if model.transform_input:
        yield "transform_input", input_transform(model)
    yield from children(
        explicit(model),
        "conv1 maxpool1 conv2 conv3 maxpool2 inception3a inception3b maxpool3 inception4a inception4b inception4c"
        " inception4d inception4e maxpool4 inception5a inception5b avgpool",
    )
    yield "flatten", nn.Flatten(1)
    yield from children(model, "dropout fc")


def inception_v3(model: Inception3) -> Stages:
    """Inception v3 (Szegedy 2016) without its auxiliary classifier, which is silent at inference."""
    if model.transform_input:
        yield "transform_input", input_transform(model)
    yield from children(
        explicit(model),
        "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 maxpool1 Conv2d_3b_1x1 Conv2d_4a_3x3 maxpool2 Mixed_5b Mixed_5c"
        " Mixed_5d Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e Mixed_7a Mixed_7b Mixed_7c avgpool dropout",
    )
    yield "flatten", nn.Flatten(1)
    yield "fc", model.fc


def convnext(model: ConvNeXt) -> Stages:
    """ConvNeXt (Liu 2022); its classifier normalises the pooled vector before the linear layer."""
    yield from prefixed("features", model.features)
    yield "avgpool", model.avgpool
    yield from prefixed("classifier", model.classifier)


def regnet(model: RegNet) -> Stages:
    """RegNet X and Y (Radosavovic 2020)."""
    yield "stem", model.stem
    yield from prefixed("trunk_output", model.trunk_output)
    yield "avgpool", model.avgpool
    yield "flatten", nn.Flatten(1)
    yield "fc", model.fc


def shufflenet_v2(model: ShuffleNetV2) -> Stages:
    """ShuffleNet V2 (Ma 2018)."""
    yield from children(model, "conv1 maxpool stage2 stage3 stage4 conv5")
    yield from pooled()
    yield "fc", model.fc


def squeezenet(model: SqueezeNet) -> Stages:
    """SqueezeNet (Iandola 2016): its classifier is a convolution to one map a class, a ReLU and a pooling, in one."""
    yield from prefixed("features", model.features)
    yield "classifier", nn.Sequential(model.classifier, nn.Flatten(1))


def mnasnet(model: MNASNet) -> Stages:
    """MNASNet (Tan 2019)."""
    yield from prefixed("layers", model.layers)
    yield from pooled()
    yield from prefixed("classifier", model.classifier)


def vision_transformer(model: VisionTransformer) -> Stages:
    """Vision Transformer (Dosovitskiy 2021).

    Behind the last block only the class token is read, so that block gives the class token alone: the last tokens
    that have a place and a say are those in front of it.
    """
    yield "conv_proj", model.conv_proj
    yield "tokens", Tokens(model)
    *blocks, (last, block) = prefixed("encoder.layers", model.encoder.layers)
    yield from blocks
    yield last, nn.Sequential(block, ClassToken())
    yield "encoder.ln", model.encoder.ln
    yield from prefixed("heads", model.heads)


def swin(model: SwinTransformer) -> Stages:
    """Swin Transformer V1 and V2 (Liu 2021, 2022), which compute with channels last."""
    first, *others = prefixed("features", model.features)
    yield first[0], nn.Sequential(first[1], model.permute)
    for name, module in others:
        yield name, ChannelsFirst(module)
    yield "norm", ChannelsFirst(model.norm)
    yield from children(model, "avgpool flatten head")


def maxvit(model: MaxVit) -> Stages:
    """MaxViT (Tu 2022)."""
    yield "stem", model.stem
    yield from prefixed("blocks", model.blocks)
    yield from prefixed("classifier", model.classifier)


FAMILIES: dict[type[nn.Module], Callable[..., Stages]] = {
    AlexNet: sequential,
    ConvNeXt: convnext,
    DenseNet: densenet,
    EfficientNet: sequential,
    GoogLeNet: googlenet,
    Inception3: inception_v3,
    MaxVit: maxvit,
    MNASNet: mnasnet,
    MobileNetV2: mobilenet_v2,
    MobileNetV3: sequential,
    RegNet: regnet,
    ResNet: resnet,
    ShuffleNetV2: shufflenet_v2,
    SqueezeNet: squeezenet,
    SwinTransformer: swin,
    VGG: sequential,
    VisionTransformer: vision_transformer,
}


def children(model: nn.Module, names: str) -> Stages:
    """Submodules by name, separated by blanks."""
    for name in names.split():
        yield name, model.get_submodule(name)


def prefixed(prefix: str, module: nn.Module) -> Stages:
    """The children of a submodule under their full names."""
    for name, child in module.named_children():
        yield f"{prefix}.{name}", child


def pooled() -> Stages:
    """The mean over space that a model's `forward` takes itself."""
    yield "avgpool", nn.AdaptiveAvgPool2d(1)
    yield "flatten", nn.Flatten(1)
