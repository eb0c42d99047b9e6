"""One model as the registry describes it: what builds it, what it weighs, what goes in and what comes out."""

from __future__ import annotations

import difflib
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from service.errors import RegistryError
from service.images.frame import Frame
from service.images.guard import Guard
from service.models import toml
from service.models.card import Card
from service.models.official import SCHEME, official

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""A model's name; it becomes part of a URL and of a file name, so nothing that could lead elsewhere fits in."""

Label = Annotated[str, Field(min_length=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Architecture = Annotated[str, Field(pattern=r"^(\w+|\w+(\.\w+)*:\w+(\.\w+)*)$")]


class Entry(BaseModel):
    """A registry entry. Frozen; a field it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    """Lower-case letters, digits, dots, dashes and underscores; at most 64."""

    version: Label = "1.0.0"
    """The version of these weights."""

    architecture: Architecture
    """A torchvision builder's name, `timm:resnet18` and the like of other libraries, or `package.module:function` of a
    function that gives an `nn.Module`."""

    arguments: dict[str, JsonValue] = {}
    """What the builder is called with."""

    weights: Label
    """A .safetensors file (absolute, or relative to the TOML file), `torchvision:ENUM.MEMBER`, or an https URL."""

    sha256: Sha256 | None = None
    """Digest of the weights file as it lies on disk, or as the URL serves it; only torchvision's may go without."""

    labels: tuple[Label, ...] = Field(min_length=1)
    """One class a logit, in order; `"weights"` in TOML takes those of the torchvision enum."""

    activation: Literal["softmax", "sigmoid", "single-logit"] = "softmax"
    """How logits become probabilities; single-logit: one logit, whose sigmoid is the second label's probability."""

    frame: Frame = Frame()
    """How an image becomes the network's input; left out, torchvision's own weights bring their own."""

    temperature: float = Field(1.0, gt=0)
    """What logits are divided by before the activation, so that probabilities mean what they say."""

    operating_point: Probability | None = None
    """The probability of the second of two labels from which on it is the answer."""

    guard: Guard | None = None
    """Limits that an image must keep for the model to answer at all."""

    stages: tuple[Label, ...] = ()
    """Dotted names of the submodules to cut between, in order; empty: found."""

    layout: Literal["NCHW", "NHWC"] | None = None
    """Where the network's maps have their channels, first or last, where Fovea cannot tell; left out: found."""

    default_layer: Label | None = None
    """The layer that explanations look at; left out: the last spatial one."""

    golden: tuple[Label, ...] = ()
    """Pictures beside the TOML file on which the engine is compared with torch at each load; none: drawn ones."""

    card: Card
    """What a reader must know before trusting the model."""

    @model_validator(mode="before")
    @classmethod
    def _fill_from_official(cls, data: Any) -> Any:
        """Take labels and frame from torchvision's enum where the entry leaves them to it."""
        if not isinstance(data, dict) or not str(data.get("weights")).startswith(SCHEME):
            return data
        try:
            facts = official(data["weights"])
        except RegistryError as error:
            raise Disagreement("weights", str(error)) from error
        filled = {"frame": facts.frame} | data
        return filled | {"labels": facts.labels} if data.get("labels") == "weights" else filled

    @field_validator("architecture")
    @classmethod
    def _is_built_by_someone(cls, architecture: str) -> str:
        from torchvision import models  # noqa: PLC0415  imports torch, which listing a registry does not need

        builders = models.list_models(module=models)
        if ":" in architecture or architecture in builders:
            return architecture
        close = difflib.get_close_matches(architecture, builders, 1)
        raise ValueError(
            f"must be a torchvision classifier{f', such as {close[0]},' if close else ''} or package.module:function"
        )

    @field_validator("weights")
    @classmethod
    def _lie_where_they_may(cls, weights: str) -> str:
        remote = weights.startswith("https://")
        if weights.startswith(SCHEME) or (remote and weights.endswith((".safetensors", ".pth", ".pt"))):
            return weights
        if remote or "://" in weights or not weights.endswith(".safetensors"):
            raise ValueError(
                "must be a .safetensors file, torchvision:ENUM.MEMBER, or an https URL that ends in .safetensors or"
                " .pth; `fovea models convert` makes a .safetensors file of a .pth file"
            )
        if not weights.startswith("/") and ".." in PurePosixPath(weights).parts:
            raise ValueError("must stay beside its registry file; write the whole path, from / on, to go elsewhere")
        return weights

    @field_validator("labels")
    @classmethod
    def _differ(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise ValueError(f"must differ from each other, but {twice!r} occurs more than once")
        return labels

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.sha256 is None and not self.is_official:
            raise Disagreement("sha256", "is required; `fovea models verify FILE` prints that of a weights file")
        if self.activation == "softmax" and len(self.labels) == 1:
            raise Disagreement(
                "activation",
                "softmax over one label is 1 for every image; write sigmoid for one label that is present or not, or"
                " single-logit and two labels: what the logit speaks against, then for",
            )
        if self.activation == "single-logit" and len(self.labels) != 2:
            raise Disagreement("labels", "must be two for a single logit: what it speaks against, then for")
        if self.operating_point is not None and len(self.labels) != 2:
            raise Disagreement("operating_point", "has a meaning for two labels only")
        return self

    @property
    def rivals(self) -> bool:
        """Whether classes compete, so that only differences of their logits count."""
        return self.activation != "sigmoid"

    @property
    def is_official(self) -> bool:
        """Whether the weights are torchvision's own."""
        return self.weights.startswith(SCHEME)

    @property
    def is_remote(self) -> bool:
        """Whether the weights have to be fetched before the first use."""
        return self.is_official or self.weights.startswith("https://")


class Disagreement(ValueError):
    """Fields that do not fit each other. field: the one to mend; text: what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


def to_toml(entry: Entry) -> str:
    """The entry as a registry file: `parse` gives the same entry back.

    What equals its default is left out, but for what a reader looks for first.
    """
    table = entry.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    shown = {"version": entry.version, "frame": entry.frame.model_dump(mode="json", exclude_none=True)}
    order = [field for field in Entry.model_fields if field in table or field in shown]
    return toml.dumps({"models": {entry.name: {field: (table | shown)[field] for field in order}}})
