"""A classifier ready to answer: its registry entry, its network cut into stages, and the engine that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from service.engines.engine import Engine, Plan
from service.engines.torch import TorchEngine, normalised
from service.errors import DoesNotApply, RegistryError
from service.models.architecture import architecture
from service.models.assembly import assemble
from service.models.entry import Entry
from service.models.fitting import load
from service.models.layers import feature_maps, last_map, vector_layer, weighs
from service.models.libraries import own_names
from service.models.parity import Comparison, Parity, choose_engine, golden_images
from service.models.probes import probes
from service.models.stages import INPUT, Network
from service.models.verdict import Verdict

STAGES_REMEDY = (
    "in its entry, name submodules that end in maps [C, h, w] under `stages`, or say with `layout` whether its maps"
    " have their channels first (NCHW) or last (NHWC)"
)


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
    notes: tuple[str, ...] = ()

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
        load(model, own_names(entry.architecture, model, state))
        golden = golden_images(entry, folder)
        x = probes(entry, golden)
        verdict = Verdict(cache, _identity(entry, digest))
        try:
            assembled = assemble(model.eval().requires_grad_(False), entry, x, known=verdict.known)
        except RegistryError as error:
            raise RegistryError(f"model {entry.name!r}: {error}") from error
        verdict.keep()
        network = assembled.network
        shapes = network.shapes(tuple(x.shape[1:]))
        normal = entry.frame.normalisation
        plan = Plan(
            network.features, "", entry.frame.shape, normal.mean, normal.std, threads, cache, channels=normal.channels
        )
        plain = cls(entry, network, TorchEngine(plan), digest, shapes, notes=assembled.notes)
        plan = replace(plan, cut=plain.cut, identity=_identity(entry, digest))
        comparison = Comparison(entry, plan, network.head(plain.cut), golden)
        runner, parity = choose_engine(comparison, engine, precision)
        return replace(plain, engine=runner, parity=parity)

    @property
    def title(self) -> str:
        """Its name, version and weights, as reports name it."""
        return f"{self.entry.name} {self.entry.version}, weights {self.weights_sha256[:12]}"

    @cached_property
    def cut(self) -> str:
        """The entry's default layer, or the last feature map; where there is none, the layer of the image's vector."""
        if self.entry.default_layer:
            return self.entry.default_layer
        last = last_map(self.network, self.shapes)
        return last if last != INPUT else vector_layer(self.network, self.shapes, self.entry.default_layer) or INPUT

    @cached_property
    def maps(self) -> tuple[str, ...]:
        """The layers with feature maps, in order; the input itself is the first where there are any."""
        found = feature_maps(self.network, self.shapes)
        return (INPUT, *found) if found else ()

    @cached_property
    def embedding_layer(self) -> str:
        """The layer right before the last linear one: its output is the image as a vector.

        Raises DoesNotApply where the network has no such layer.
        """
        layer = vector_layer(self.network, self.shapes, self.entry.default_layer)
        if layer is None:
            raise DoesNotApply(
                f"model {self.entry.name!r} makes no vector of an image: Fovea finds no layer between its first weights"
                f" and its last that it could read; {STAGES_REMEDY}"
            )
        return layer

    def with_vector(self, layer: str | None = None) -> str:
        """The layer, or the embedding layer where none is named, if its output says more of an image than its colours.

        Raises UnknownName where there is no such layer, DoesNotApply where no weights lie in front of it.
        """
        if layer is None:
            return self.embedding_layer
        if not any(weighs(stage) for stage in self.network.stages[: self.network.place(layer)]):
            raise DoesNotApply(
                f"layer {layer!r} of model {self.entry.name!r} has no weights in front of it: averaged over the image"
                " it is nothing but the mean colour; name a deeper layer, or none"
            )
        return layer

    def spatial(self, layer: str) -> bool:
        """Whether a layer gives feature maps [C, h, w] with more than one position, or tokens [L, D]."""
        return layer in self.maps

    def with_maps(self, layer: str | None = None) -> str:
        """The layer, the default cut where none is named, if it has maps to show.

        Raises UnknownName where there is no such layer, DoesNotApply where it has no map; both list those that are.
        """
        layer = layer or self.cut
        self.network.place(layer)
        if not self.spatial(layer):
            raise DoesNotApply(self.no_map(layer))
        return layer

    def no_map(self, layer: str) -> str:
        """Why a layer without feature maps cannot be explained, and what to do."""
        if not self.maps:
            return (
                f"model {self.entry.name!r} has no feature map that Fovea can find, so there is nothing to explain but"
                f" pixels; {STAGES_REMEDY}"
            )
        return (
            f"layer {layer!r} of model {self.entry.name!r} has no map to show; those that have are"
            f" {', '.join(self.maps)}"
        )

    def head(self, layer: str) -> nn.Module:
        """What follows a layer, [N, C, h, w] -> logits [N, K]."""
        return self.network.head(layer)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """The whole network: normalised x [N, C, H, W] -> logits [N, K]."""
        logits: Tensor = self.head(self.cut)(self.engine.forward(x, self.cut))
        return logits

    def normalised(self, x: Tensor) -> Tensor:
        """x uint8 [N, H, W, 3] -> what the first stage expects, float32 [N, C, H, W]."""
        normal = self.entry.frame.normalisation
        return normalised(x, normal.mean, normal.std, normal.channels)


def _identity(entry: Entry, digest: str) -> str:
    """What the network is, as far as it can be told; a user's own code may change under the same weights."""
    if ":" in entry.architecture:
        return ""
    return f"{digest} {entry.architecture} {entry.arguments} {entry.stages} {entry.layout}"
