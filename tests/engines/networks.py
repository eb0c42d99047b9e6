"""Networks of the families that are shipped, small and freshly drawn, as plans for engines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import DenseNet, ResNet
from torchvision.models.resnet import BasicBlock

from service.engines.engine import Plan
from service.models.stages import Network, stages
from tests.models.zoo import narrow

SIZE = 64
BUILDERS: dict[str, Callable[[], torch.nn.Module]] = {
    "resnet": partial(ResNet, BasicBlock, [1, 1, 1, 1], num_classes=5),
    "densenet": partial(DenseNet, 8, (6, 12, 24, 16), 16, num_classes=5),
    "alexnet": narrow("alexnet"),
}
"""Shallow or narrow: OpenVINO keeps the weights of what it has compiled, a hundred megabytes for a ResNet-18."""

CUTS = {"resnet": "layer4", "densenet": "relu", "alexnet": "features.12"}
OTHER = {"resnet": "layer2", "densenet": "denseblock1", "alexnet": "features.2"}


def network(name: str) -> Network:
    """One whose batch norms have statistics of their own, as trained ones do."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BUILDERS[name]()
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.weight, 0.5, 1.5)
                torch.nn.init.normal_(module.bias, 0, 0.1)
    return Network(stages(model.eval().requires_grad_(False)))


def plan(name: str, cache: Path | None = None, identity: str = "") -> Plan:
    cuts, mean, std = network(name), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return Plan(cuts.features, CUTS[name], (SIZE, SIZE), mean, std, threads=1, cache=cache, identity=identity)


def images(count: int, seed: int = 0) -> Tensor:
    """x uint8 [count, SIZE, SIZE, 3]: coarse colours with noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 8, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bilinear")
    noise = 0.1 * torch.rand(count, 3, SIZE, SIZE, generator=generator)
    return (255 * (0.9 * smooth + noise)).byte().permute(0, 2, 3, 1).contiguous()
