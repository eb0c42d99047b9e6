"""Small networks of the structures that people bring, with random weights and statistics that would show a mistake.

`SERVED` is the table of those that serve: what builds each, its default layer and the shape there.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

CLASSES = 3
SIZE = 32


class Plain(nn.Module):
    """Two convolutions, pooling and a linear layer; what a subclass changes is its structure."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.bn2 = nn.BatchNorm2d(12)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(12, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x))))))

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.pool(self.features(x)).flatten(1))


class ReusedRelu(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def features(self, x: Tensor) -> Tensor:
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


class OtherOrder(nn.Module):
    """Declared convolution, ReLU, normalisation; called convolution, normalisation, ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, CLASSES)
        self.conv, self.relu, self.bn = nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu(self.bn(self.conv(x))).mean((2, 3)))


class Skip(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.body(x) + x)


class Scaled(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x * 255 - 127.5) / 64)  # type: ignore[no-any-return]


class ExtraHead(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.auxiliary = nn.Linear(CLASSES, CLASSES)


class Flipped(torchvision.models.ResNet):
    def __init__(self) -> None:
        super().__init__(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flip(1) * 0.5)


def small_resnet() -> nn.Module:
    return torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=CLASSES)


def replaced_forward() -> nn.Module:
    model = small_resnet()
    original = model.forward
    model.forward = lambda x: original(x.flip(1)) * 3
    return model


def pre_hook() -> nn.Module:
    model = small_resnet()
    model.register_forward_pre_hook(lambda _, args: (args[0].flip(1) * 0.5,))
    return model


def hook_on_a_submodule() -> nn.Module:
    with torch.device("meta"):  # its own classifier would take 400 MB
        model = torchvision.models.vgg11(num_classes=CLASSES, init_weights=False)
    model.features = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["A"])
    model.classifier = nn.Linear(512 * 49, CLASSES)
    model.features.register_forward_hook(lambda _, __, output: output * 2 - 0.1)
    return model


def exchanged_head() -> nn.Module:
    """A DenseNet whose linear layer became a head of two layers, in place."""
    model = torchvision.models.DenseNet(8, (2, 2, 2, 2), 16, num_classes=CLASSES)
    width = model.classifier.in_features
    model.classifier = nn.Sequential(nn.Linear(width, 8), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(8, CLASSES))
    return model


class Residual(nn.Module):
    """x += y, and a ReLU that overwrites what the skip connection reads: so this network was trained."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        skip = x
        out = self.conv(functional.relu_(x))
        out += skip
        return self.bn(out)


class InPlace(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Residual(12), Residual(12))

    def features(self, x: Tensor) -> Tensor:
        return self.blocks(super().features(x)).relu_().mul_(0.5)


class ThroughViews(Plain):
    """Writes to a part of its maps, and to a view of them inside a block."""

    class Block(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            half = x[:, :6]
            half.mul_(0.5)
            return x + 1

    def __init__(self) -> None:
        super().__init__()
        self.block = self.Block()

    def features(self, x: Tensor) -> Tensor:
        x = super().features(x)
        x[:, 3] = x[:, 4] * 2
        return self.block(x)


class Wrapped(nn.Module):
    def __init__(self, build: Callable[[], nn.Module] = Plain) -> None:
        super().__init__()
        self.model = build()

    def forward(self, x: Tensor) -> Any:
        return self.model(x)


class InDictionary(Wrapped):
    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> Any:
        return {"loss": None, "logits": self.model(pixel_values)}


@dataclass
class Output:
    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden: tuple[Tensor, ...] = ()


class InDataclass(Wrapped):
    def forward(self, *, pixel_values: Tensor) -> Any:
        return Output(logits=self.model(pixel_values), hidden=(pixel_values,))


Named = namedtuple("Named", ["logits", "embedding"])


class InNamedTuple(Plain):
    def forward(self, x: Tensor) -> Any:
        vector = self.pool(self.features(x)).flatten(1)
        return Named(self.fc(vector), vector)


class InTuple(Plain):
    def forward(self, x: Tensor) -> Any:
        vector = self.pool(self.features(x)).flatten(1)
        return vector, self.fc(vector)


class Shapes(Plain):
    """Decides by the shape of its input, and counts axes itself."""

    def forward(self, x: Tensor) -> Any:
        if x.shape[1] != 3 or x.ndim != 4:
            raise ValueError("three channels, please")
        images, _, height, width = x.shape
        A = self.features(x if height == width else x.mT)
        return self.fc(A.view(images, A.size(1), -1).mean(-1))


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 12, 8, 8)
        self.blocks = nn.Sequential(*(nn.Sequential(nn.LayerNorm(12), nn.Linear(12, 12), nn.GELU()) for _ in range(2)))
        self.norm, self.head = nn.LayerNorm(12), nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).permute(0, 2, 3, 1)
        x = x + self.blocks(x)
        return self.head(self.norm(x).mean((1, 2)))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        images, length, width = x.shape
        q, k, v = self.qkv(x).view(images, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(images, length, width))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.attention = nn.LayerNorm(width), nn.LayerNorm(width), Attention(width, 2)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """A vision transformer with class token and positions as parameters; only its class token is classified."""

    def __init__(self, read: str = "token") -> None:
        super().__init__()
        self.read = read
        self.patches = nn.Conv2d(3, 16, 8, 8)
        self.token, self.positions = nn.Parameter(torch.randn(1, 1, 16)), nn.Parameter(torch.randn(1, 17, 16))
        self.layers = nn.ModuleList(Block(16) for _ in range(2))
        self.norm, self.classifier = nn.LayerNorm(16), nn.Linear(16, CLASSES)

    def forward(self, pixel_values: Tensor) -> Any:
        x = self.patches(pixel_values).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        return Output(logits=self.classifier(x[:, 0] if self.read == "token" else x[:, 1:].mean(1)))


class ConvNext(nn.Module):
    """ConvNeXt as Hugging Face writes it: a layer normalisation between two permutations, and a scale for each map."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.depthwise = nn.Conv2d(3, 12, 4, 4), nn.Conv2d(12, 12, 3, padding=1, groups=12)
        self.norm, self.wide, self.narrow = nn.LayerNorm(12), nn.Linear(12, 24), nn.Linear(24, 12)
        self.scale = nn.Parameter(torch.rand(12))
        self.last, self.classifier = nn.LayerNorm(12), nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        x = x + (self.scale * self.narrow(functional.gelu(self.wide(y)))).permute(0, 3, 1, 2)
        return self.classifier(self.last(x.mean([-2, -1])))


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gate = torch.sigmoid(x)
        return signals[0] * (gate * (1 + x * (1 - gate)))


class Rounded(torch.autograd.Function):
    """Rounds to tenths, and passes the gradient straight through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (10 * x).round() / 10

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> Tensor:
        return signals[0]


class StraightThrough(Plain):
    class Round(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Rounded.apply(x)

    def __init__(self) -> None:
        super().__init__()
        self.round = self.Round()

    def features(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv2(self.round(functional.relu(self.bn1(self.conv1(x))))))


class OwnFunction(Plain):
    """An activation with a backward pass of its own, as a module."""

    class Activation(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Swish.apply(x) * 1.0

    def __init__(self) -> None:
        super().__init__()
        self.act = self.Activation()

    def features(self, x: Tensor) -> Tensor:
        return self.act(self.bn2(self.conv2(self.act(self.bn1(self.conv1(x))))))


def squashed(x: Tensor) -> Tensor:
    return x * torch.tanh(x)


with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # deprecated, and still in use
    squashed = torch.jit.script(squashed)


class Scripted(Plain):
    class Activation(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return squashed(x)

    def __init__(self) -> None:
        super().__init__()
        self.act = self.Activation()

    def features(self, x: Tensor) -> Tensor:
        return self.act(super().features(x))


class Reparametrised(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = parametrizations.weight_norm(self.conv1)
        self.conv2 = parametrizations.spectral_norm(self.conv2)


class Standardised(Plain):
    class Conv(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
            weight = weight / weight.std((1, 2, 3), keepdim=True)
            return functional.conv2d(x, weight, self.bias, self.stride, self.padding)

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = self.Conv(3, 8, 3, 2, 1), self.Conv(8, 12, 3, 2, 1)


class Recurrent(Plain):
    """The columns of its maps are read one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(12 * 8, 12, batch_first=True)

    def forward(self, x: Tensor) -> Any:
        A = self.features(x)
        return self.fc(self.lstm(A.permute(0, 3, 1, 2).flatten(2))[0][:, -1])


class TwoPoolings(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(24, CLASSES)

    def forward(self, x: Tensor) -> Any:
        A = self.features(x)
        pooled = functional.adaptive_avg_pool2d(A, 1), functional.adaptive_max_pool2d(A, 1)
        return self.fc(torch.cat(pooled, 1).flatten(1))


class PowerMean(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(3.0))

    def forward(self, x: Tensor) -> Any:
        A = self.features(x).clamp(min=1e-6).pow(self.power)
        return self.fc(functional.avg_pool2d(A, A.shape[-2:]).pow(1.0 / self.power).flatten(1))


class SqueezeExcite(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(12, 12, 1), nn.Sigmoid())

    def features(self, x: Tensor) -> Tensor:
        A = super().features(x)
        return A * self.gate(A)


class MapPerClass(Plain):
    """Fully convolutional: one map a class, and its mean."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Conv2d(12, CLASSES, 1)

    def forward(self, x: Tensor) -> Any:
        return self.pool(self.fc(self.features(x)))


class Remembers(Plain):
    """Computes a grid of positions at its first call and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.grids: dict[int, Tensor] = {}

    def forward(self, x: Tensor) -> Any:
        A = self.features(x)
        if A.shape[-1] not in self.grids:
            self.grids[A.shape[-1]] = torch.linspace(-1, 1, A.shape[-1]).repeat(A.shape[-2], 1)
        return self.fc((A + self.grids[A.shape[-1]] * torch.ones(x.shape[0], 1, 1, 1, device=x.device)).mean((2, 3)))


class WindowedAttention(ChannelsLast):
    """Attention in windows of 2 x 2 places, [images · windows, 4, 12], on maps with channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = Attention(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).permute(0, 2, 3, 1)
        n, h, w, c = x.shape
        windows = x.view(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
        mixed = self.blocks(windows).view(n, h // 2, w // 2, 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
        return self.head(self.norm(x + mixed).mean((1, 2)))


class Checkpointed(Plain):
    def forward(self, x: Tensor) -> Any:
        A = torch.utils.checkpoint.checkpoint(self.features, x, use_reentrant=False)
        return self.fc(self.pool(A).flatten(1))


def in_place_tail() -> nn.Module:
    tail = nn.Sequential(nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 8, 3, 2), tail=tail))


Served = tuple[Callable[[], nn.Module], str, tuple[int, ...]]
MAPS = (12, 8, 8)

SERVED: dict[str, Served] = {
    "functions": (Plain, "relu_1", MAPS),
    "reused-relu": (ReusedRelu, "relu_1", MAPS),
    "other-order": (OtherOrder, "relu", (8, 15, 15)),
    "skip": (Skip, "relu_1", (8, 16, 16)),
    "scaled": (Scaled, "relu_1", MAPS),
    "extra-head": (ExtraHead, "relu_1", MAPS),
    "subclass": (Flipped, "layer4", (512, 1, 1)),
    "replaced-forward": (replaced_forward, "layer4", (512, 1, 1)),
    "pre-hook": (pre_hook, "layer4", (512, 1, 1)),
    "hook-on-a-submodule": (hook_on_a_submodule, "features", (512, 1, 1)),
    "exchanged-head": (exchanged_head, "relu", (32, 1, 1)),
    "in-place": (InPlace, "mul", MAPS),
    "in-place-tail": (in_place_tail, "tail.0", (8, 15, 15)),
    "through-views": (ThroughViews, "block", MAPS),
    "wrapped": (Wrapped, "model.relu_1", MAPS),
    "wrapped-twice": (lambda: Wrapped(Wrapped), "model.model.relu_1", MAPS),
    "dictionary": (InDictionary, "model.relu_1", MAPS),
    "dataclass": (InDataclass, "model.relu_1", MAPS),
    "named-tuple": (InNamedTuple, "relu_1", MAPS),
    "tuple": (InTuple, "relu_1", MAPS),
    "container-of-one": (lambda: nn.Sequential(Plain()), "0.relu_1", MAPS),
    "normalise-first": (lambda: nn.Sequential(nn.BatchNorm2d(3, affine=False), Plain()), "1.relu_1", MAPS),
    "shapes": (Shapes, "relu_1", MAPS),
    "channels-last": (ChannelsLast, "norm", (12, 4, 4)),
    "windows": (WindowedAttention, "norm", (12, 4, 4)),
    "transformer": (Transformer, "layers.0", (17, 16)),
    "transformer-mean": (lambda: Transformer("mean"), "norm", (17, 16)),
    "convnext": (ConvNext, "add", (12, 8, 8)),
    "own-function": (OwnFunction, "act_1", MAPS),
    "straight-through": (StraightThrough, "bn2", MAPS),
    "scripted": (Scripted, "act", MAPS),
    "reparametrised": (Reparametrised, "relu_1", MAPS),
    "standardised": (Standardised, "relu_1", MAPS),
    "recurrent": (Recurrent, "relu_1", MAPS),
    "two-poolings": (TwoPoolings, "relu_1", MAPS),
    "power-mean": (PowerMean, "pow", MAPS),
    "squeeze-excite": (SqueezeExcite, "mul", MAPS),
    "map-per-class": (MapPerClass, "relu_1", MAPS),
    "remembers": (Remembers, "add", MAPS),
    "checkpointed": (Checkpointed, "relu_1", MAPS),
    "data-parallel": (lambda: nn.DataParallel(Plain()), "relu_1", MAPS),
    "compiled": (lambda: torch.compile(Plain()), "relu_1", MAPS),
}
"""Name -> builder, default layer, shape there for images of `SIZE` pixels (64 where a map would have one position)."""


def drawn(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """The network with random statistics, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build().eval().requires_grad_(False)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
                if module.bias is not None:
                    module.bias.normal_(0, 0.3)
            if isinstance(module, nn.Linear):
                module.weight.normal_(0, 0.5)
    return model
