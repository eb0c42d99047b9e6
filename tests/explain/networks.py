"""Small networks, cut in two, that the law tests run every method on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from service.explain.heads import PooledLinear, simplify
from service.explain.method import Method, MethodContext

CLASSES, CHANNELS, SIDE, IMAGE = 5, 12, 7, 28


@dataclass(frozen=True)
class Cut:
    """A network cut in two, with images to look at. features: x -> A, head: A -> logits."""

    features: nn.Module
    head: nn.Module
    x: Tensor

    @property
    def A(self) -> Tensor:  # noqa: N802
        with torch.no_grad():
            return self.features(self.x)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.head(self.features(x))


def cut(kind: str, classes: int = CLASSES, seed: int = 0, images: int = 3) -> Cut:
    torch.manual_seed(seed)
    features = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, stride=4, padding=1), nn.ReLU())
    heads = {
        "pooled-linear": lambda: simplify([nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(CHANNELS, classes)]),
        "pooled-linear-by-autograd": lambda: nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(CHANNELS, classes), nn.Identity()
        ),
        "perceptron": lambda: nn.Sequential(
            nn.Flatten(1), nn.Linear(CHANNELS * SIDE**2, 16), nn.ReLU(inplace=True), nn.Linear(16, classes)
        ),
        "convolutional": lambda: nn.Sequential(
            nn.Conv2d(CHANNELS, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(1),
            nn.Linear(8, classes),
        ),
    }
    network = Cut(features.eval(), heads[kind]().eval(), torch.rand(images, 3, IMAGE, IMAGE))
    for part in (network.features, network.head):
        part.requires_grad_(False)
    return network


HEADS = ("pooled-linear", "pooled-linear-by-autograd", "perceptron", "convolutional")


def one_hot(indexes: list[int], classes: int = CLASSES) -> Tensor:
    return nn.functional.one_hot(torch.tensor(indexes), classes).float()


def applies(method: Method, network: Cut) -> bool:
    return method.head == "any" or isinstance(network.head, PooledLinear)


def explain(method: Method, network: Cut, target: Tensor, rows: slice = slice(None), **parameters: object) -> Tensor:
    return method.function(*arguments(method, network, rows, parameters), target, **parameters)


def arguments(method: Method, network: Cut, rows: slice, parameters: dict[str, object]) -> tuple[Tensor, nn.Module]:
    """What the method's cut makes of the images; `parameters` gets the context where the method wants one."""
    if method.reads != "features":
        deep = (network.A[rows], network.head)
        parameters["context"] = MethodContext(network.x[rows], network.forward, deep=deep, **parameters.pop("more", {}))
    if method.reads == "pixels":
        return network.x[rows], nn.Sequential(network.features, network.head)
    return network.A[rows], network.head


def side(method: Method) -> int:
    return IMAGE if method.reads == "pixels" else SIDE
