"""Networks that must not be served, with what is said of each: the reason and the remedy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from tests.models.structures import CLASSES, Plain


class AlwaysDrops(Plain):
    def forward(self, x: Tensor) -> Any:
        return self.fc(F.dropout(self.pool(self.features(x)).flatten(1), 0.5, training=True))


class OfTheBatch(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x - x.mean(0)) + super().forward(x)


class DecidesByValue(Plain):
    def forward(self, x: Tensor) -> Any:
        logits = super().forward(x)
        return logits if x.max() < 1e6 else -logits


class ReadsANumber(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x) + 0 * x.sum().item()


class ThroughNumpy(Plain):
    def forward(self, x: Tensor) -> Any:
        return self.fc(torch.from_numpy(self.features(x).mean((2, 3)).numpy()))


class Counts(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Any:
        self.calls += 1
        return super().forward(x)


class ViewsInItsOwnForward(Plain):
    def forward(self, x: Tensor) -> Any:
        A = self.features(x)
        half = A[:, :6]
        half.mul_(0.5)
        return self.fc(A.mean((2, 3)))


class OneImageOnly(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).view(1, CLASSES)


class TwoInputs(Plain):
    def forward(self, x: Tensor, age: Tensor) -> Any:
        return super().forward(x) * age


class FromDictionary(Plain):
    def forward(self, batch: Any) -> Any:
        return super().forward(batch["image"])


class TwoAnswers(Plain):
    def forward(self, x: Tensor) -> Any:
        logits = super().forward(x)
        return logits, -logits


class NoTensor(Plain):
    def forward(self, x: Tensor) -> Any:
        return {"loss": None}


class RefusesItself(Plain):
    def forward(self, x: Tensor) -> Any:
        raise ValueError("made for slides of 40x")


class AddsPositions(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(1, 12, 12, 12))

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.pool(self.features(x) + self.positions).flatten(1))


class CallsPyTorchWrongly(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(F.conv2d(x, 3))  # type: ignore[call-overload]


class Ends(Plain):
    def __init__(self, end: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.end = end

    def forward(self, x: Tensor) -> Any:
        return self.end(super().forward(x))


class Volumes(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv3d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, CLASSES))


def grey() -> nn.Module:
    model = Plain()
    model.conv1 = nn.Conv2d(1, 8, 3, stride=2, padding=1)
    return model


def other_size() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Flatten(), nn.Linear(4 * 24 * 24, CLASSES))


def four_channels() -> nn.Module:
    model = Plain()
    model.conv1 = nn.Conv2d(4, 8, 3, stride=2, padding=1)
    return model


def transformer() -> nn.Module:
    return VisionTransformer(48, 16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8, num_classes=CLASSES)


def large_kernel() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 40), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, CLASSES))


def five_classes() -> nn.Module:
    model = Plain()
    model.fc = nn.Linear(12, 5)
    return model


def quantised() -> nn.Module:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and still in use
        model.append(torch.ao.nn.quantized.dynamic.Linear(4, CLASSES))
    return model


Refused = tuple[Callable[[], nn.Module], str, dict[str, Any]]

REFUSED: dict[str, Refused] = {
    "random": (AlwaysDrops, "another answer each time.*dropout with training=True; switch that off", {}),
    "batch": (OfTheBatch, "depends on the other images of its batch.*each image be computed for itself", {}),
    "value": (DecidesByValue, "reads values of the image.*name `stages`", {}),
    "number": (ReadsANumber, r"reads values of the image \(item\)", {}),
    "numpy": (ThroughNumpy, r"reads values of the image \(numpy\).*name `stages`", {}),
    "counts": (Counts, "writes to its own parameters or buffers", {}),
    "views": (ViewsInItsOwnForward, "writes to a tensor through a view of it; write that part", {}),
    "one-image": (OneImageOnly, "answers one image, but not three at a time.*any number of images", {}),
    "two-inputs": (TwoInputs, "missing 1 required positional argument: 'age'", {}),
    "dictionary": (FromDictionary, "cannot take", {}),
    "two-answers": (TwoAnswers, r"a tuple with 2 of its tensors of shape \[images, 3\].*its logits alone", {}),
    "no-tensor": (NoTensor, "a dict with none of its tensors.*no tensors", {}),
    "own-words": (RefusesItself, "ValueError: made for slides of 40x", {}),
    "volumes": (Volumes, "takes volumes", {}),
    "channels": (
        grey,
        r"takes images of 1 channel .*'conv1'.*gives 3; write channels = 1, with one number .* under \[models.mine",
        {},
    ),
    "colour": (
        Plain,
        "takes images of 3 channels .*gives 1; write channels = 3, with three numbers in mean and std",
        {"frame": {"resize": 32, "crop": 32, "channels": 1, "mean": [0.5], "std": [0.5]}},
    ),
    "four-channels": (four_channels, "takes images of 4 channels .*gives images of 1 or 3 channels: build the", {}),
    "transformer": (transformer, r"images of 48 x 48 pixels.*gives 32 x 32; write size = \[48, 48\] under", {}),
    "positions": (
        AddsPositions,
        "images, 3 x 32 x 32: a RuntimeError within PyTorch.*; write the size and channels",
        {},
    ),
    "kernel": (large_kernel, r"module '0' \(Conv2d\) fails .* within PyTorch.*; write the size and channels", {}),
    "wrong-call": (CallsPyTorchWrongly, "a TypeError within PyTorch, which the log has; write the size", {}),
    "size": (other_size, "another size than 3 x 32 x 32.*'2' takes 2304 numbers and is given 1024; write", {}),
    "classes": (five_classes, "gives 5 numbers for an image, and the entry has 3 labels", {}),
    "quantised": (quantised, "a quantised network .*builds the float network", {}),
    "softmax-for-sigmoid": (
        lambda: Ends(lambda logits: logits.softmax(1)),
        "ends in Softmax, and the entry says activation = 'sigmoid'; write activation = \"softmax\"",
        {"activation": "sigmoid"},
    ),
    "sigmoid-for-softmax": (
        lambda: Ends(torch.sigmoid),
        'ends in Sigmoid.*write activation = "sigmoid" or activation = "single-logit"',
        {},
    ),
    "clamped": (
        lambda: Ends(lambda logits: torch.sigmoid(logits).clamp(1e-6, 1 - 1e-6)),
        "lie between 0 and 1 behind its Sigmoid.*let it return its logits",
        {"activation": "sigmoid"},
    ),
    "shares": (
        lambda: Ends(lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True)),
        "they add up to 1.*let it return its logits",
        {},
    ),
    "named-out-of-order": (
        Plain,
        "part at 'bn1'|cannot take what the stages before it give",
        {"stages": ["bn1", "conv1", "bn2", "conv2", "pool", "fc"]},
    ),
    "named-without-functions": (
        Plain,
        "part at 'conv2'.*leave them out: then Fovea traces the network",
        {"stages": ["conv1", "bn1", "conv2", "bn2", "pool", "fc"]},
    ),
}
"""Name -> builder, what the refusal says, and further fields of the entry."""

RAW = (
    "Given groups", "mat1 and mat2", "shape '[", "Expected ", "RuntimeError:", "size mismatch", "weights_only",
    "Wrong image", "The size of tensor", "invalid combination", "Calculated padded", "must match", "AssertionError:",
)  # fmt: skip
"""Parts of sentences of PyTorch's own."""
