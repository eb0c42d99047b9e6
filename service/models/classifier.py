"""A classifier ready to answer: its registry entry, its network cut into stages, and the engine that runs it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from service.engines.engine import Engine, Plan
from service.engines.torch import TorchEngine, normalised
from service.errors import DoesNotApply, RegistryError, WeightsError
from service.models.entry import Entry
from service.models.parity import Parity, Trial, chosen, golden_images
from service.models.stages import INPUT, Network, stages

POOLING = (nn.AdaptiveAvgPool2d, nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True, eq=False)
class Classifier:
    """Everything a question needs of a model; shared by all requests, never written to, and equal to itself alone.

    weights_sha256: hexadecimal digest of the weights. cut: the default layer, the last spatial map. shapes: of A
    without its batch axis, for every layer. parity: how the engine compares with torch in float32; None where it is
    just that.
    """

    entry: Entry
    network: Network
    engine: Engine
    weights_sha256: str
    shapes: Mapping[str, tuple[int, ...]]
    parity: Parity | None = None

    @classmethod
    def build(
        cls,
        entry: Entry,
        state: Mapping[str, Tensor],
        digest: str,
        engine: str = "auto",
        precision: str = "f32",
        threads: int = 0,
        cache: Path | None = None,
        folder: Path | None = None,
    ) -> Classifier:
        """Build the network, load its weights in float32, freeze it, and check that it fits its entry.

        engine, precision, threads: see `Settings`. cache: a folder for compiled networks. folder: where the entry's
        golden images lie. Raises RegistryError where architecture, stages, labels or engine do not fit, WeightsError
        where weights or golden images do not.
        """
        model = architecture(entry)
        load(model, state)
        network = Network(stages(model.eval().requires_grad_(False), entry.stages))
        shapes = network.shapes(entry.frame.crop)
        outputs = (1,) if entry.activation == "single-logit" else (len(entry.labels),)
        if shapes[network.stages[-1].name] != outputs:
            raise RegistryError(
                f"model {entry.name!r}: the stages end in {shapes[network.stages[-1].name]}, and {len(entry.labels)}"
                f" labels with activation {entry.activation} need {outputs}"
            )
        plan = Plan(network.features, "", entry.frame.crop, entry.frame.mean, entry.frame.std, threads, cache)
        plain = cls(entry, network, TorchEngine(plan), digest, shapes)
        plan = replace(plan, cut=plain.cut, identity=_identity(entry, digest))
        trial = Trial(entry, plan, network.head(plain.cut), golden_images(entry, folder))
        runner, parity = chosen(trial, engine, precision)
        return replace(plain, engine=runner, parity=parity)

    @property
    def title(self) -> str:
        """Its name, version and weights, as reports name it."""
        return f"{self.entry.name} {self.entry.version}, weights {self.weights_sha256[:12]}"

    @cached_property
    def cut(self) -> str:
        """The entry's default layer, or the last spatial map that no pooling has coarsened."""
        return self.entry.default_layer or last_map(self.network, self.shapes)

    @cached_property
    def embedding_layer(self) -> str:
        """The layer right before the last linear one: its output is the image as a vector."""
        linear = [i for i, stage in enumerate(self.network.stages) if isinstance(stage.module, nn.Linear)]
        return self.network.names[linear[-1]] if linear else self.cut  # names has `input` first: one ahead of stages

    def spatial(self, layer: str) -> bool:
        """Whether a layer gives maps [C, h, w] with more than one position, or tokens [L, D]."""
        return mapped(self.shapes[layer])

    def with_maps(self, layer: str | None = None) -> str:
        """The layer, the default cut where none is named, if it has maps to show.

        Raises UnknownName where there is no such layer, DoesNotApply where it has no map; both list those that are.
        """
        layer = layer or self.cut
        self.network.place(layer)
        if not self.spatial(layer):
            maps = ", ".join(name for name in self.network.names if self.spatial(name))
            raise DoesNotApply(
                f"layer {layer!r} of model {self.entry.name!r} has no map to show; those that have are {maps}"
            )
        return layer

    def head(self, layer: str) -> nn.Module:
        """What follows a layer, [N, C, h, w] -> logits [N, K]."""
        return self.network.head(layer)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """The whole network: normalised x [N, 3, H, W] -> logits [N, K]."""
        logits: Tensor = self.head(self.cut)(self.engine.forward(x, self.cut))
        return logits

    def normalised(self, x: Tensor) -> Tensor:
        """x uint8 [N, H, W, 3] -> what the first stage expects, float32 [N, 3, H, W]."""
        return normalised(x, self.entry.frame.mean, self.entry.frame.std)


def mapped(shape: tuple[int, ...]) -> bool:
    """Whether an output of this shape has places: maps [C, h, w] with more than one, or tokens [L, D]."""
    return len(shape) == 2 or (len(shape) == 3 and shape[1] * shape[2] > 1)


def last_map(network: Network, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The last layer with places that no pooling has coarsened; `input` where there is none."""
    maps = [
        stage.name for stage in network.stages if mapped(shapes[stage.name]) and not isinstance(stage.module, POOLING)
    ]
    return maps[-1] if maps else INPUT


def _identity(entry: Entry, digest: str) -> str:
    """What the network is, as far as it can be told; a user's own code may change under the same weights."""
    if ":" in entry.architecture:
        return ""
    return f"{digest} {entry.architecture} {entry.arguments} {entry.stages}"


def architecture(entry: Entry) -> nn.Module:
    """The entry's network with fresh weights: a torchvision builder by name, or `package.module:function`.

    Raises RegistryError where there is no such builder or it fails.
    """
    outputs = 1 if entry.activation == "single-logit" else len(entry.labels)
    try:
        if ":" in entry.architecture:
            module, function = entry.architecture.split(":", 1)
            model = getattr(importlib.import_module(module), function)(**entry.arguments)
        else:
            arguments = {"num_classes": outputs, **entry.arguments}
            model = torchvision.models.get_model(entry.architecture, weights=None, **arguments)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise RegistryError(
            f"model {entry.name!r}: architecture {entry.architecture!r} cannot be built: {error}"
        ) from error
    if not isinstance(model, nn.Module):
        raise RegistryError(f"model {entry.name!r}: {entry.architecture!r} returned no torch.nn.Module")
    return model


def load(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy weights into a model, every name and shape accounted for. Raises WeightsError that names the misfits."""
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    absent = sorted(wanted.keys() - state.keys())
    surplus = sorted(state.keys() - wanted.keys())
    misfit = [
        f"{name} is {tuple(state[name].shape)}, the architecture has {tuple(shape)}"
        for name, shape in wanted.items()
        if name in state and state[name].shape != shape
    ]
    complaints = [f"missing {', '.join(absent[:3])}"] * bool(absent)
    complaints += [f"unexpected {', '.join(surplus[:3])}"] * bool(surplus) + misfit[:3]
    if complaints:
        raise WeightsError(f"the weights do not fit the architecture: {'; '.join(complaints)}")
    model.load_state_dict(dict(state))
    if not all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()):
        raise WeightsError("the weights hold numbers that are not finite")
