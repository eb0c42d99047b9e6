"""A registry as its files describe it, read in a fraction of a second: no model is loaded and PyTorch is not imported.

What only PyTorch can tell is left out: whether torchvision has a builder of that name, and the labels and the frame
that an entry takes from torchvision's weights. `fovea models verify` checks all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from service.errors import RegistryError, UnknownName, WeightsError
from service.models.catalogue import Record, parse
from service.models.entry import Entry
from service.models.official import SCHEME
from service.models.weights_store import WeightsStore
from service.settings import Settings

State = Literal["installed", "missing", "failed"]
FROM_TORCHVISION = ("those of torchvision's weights",)
"""In place of labels that torchvision knows."""


class OutlinedEntry(Entry):
    """An entry checked as far as that needs no torchvision."""

    @model_validator(mode="before")
    @classmethod
    def _fill_from_official(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not str(data.get("weights")).startswith(SCHEME):
            return data
        return data | {"labels": FROM_TORCHVISION} if data.get("labels") == "weights" else data

    @field_validator("architecture")
    @classmethod
    def _is_built_by_someone(cls, architecture: str) -> str:
        return architecture


@dataclass(frozen=True)
class ModelOutline:
    """One model. state: installed where its weights are here. weights_sha256: as described or fetched, else empty."""

    name: str
    default: bool
    state: State
    problem: str
    weights_sha256: str
    entry: Entry | None

    @property
    def classes(self) -> int | None:
        """How many labels there are; None where only torchvision knows."""
        return None if self.entry is None or self.entry.labels == FROM_TORCHVISION else len(self.entry.labels)


@dataclass(frozen=True)
class RegistryOutline:
    """All models of a registry, the default first, then by name."""

    path: Path
    models: dict[str, ModelOutline]

    def model(self, name: str) -> ModelOutline:
        """One of them. Raises UnknownName."""
        if name not in self.models:
            raise UnknownName(f"there is no model {name!r}: there are {', '.join(self.models)}")
        return self.models[name]

    def entry(self, name: str) -> Entry:
        """A model's entry. Raises UnknownName, or RegistryError where the entry is broken."""
        found = self.model(name)
        if found.entry is None:
            raise RegistryError(found.problem)
        return found.entry


def registry_outline(settings: Settings) -> RegistryOutline:
    """The outline of the registry that the settings name. Raises RegistryError where there is none."""
    catalogue, store = parse(settings.registry, OutlinedEntry), WeightsStore(settings.data_dir / "weights")
    names = sorted(catalogue.records, key=lambda name: (name != catalogue.default, name))
    return RegistryOutline(
        settings.registry,
        {name: _outline(catalogue.records[name], name == catalogue.default, store) for name in names},
    )


def _outline(record: Record, default: bool, store: WeightsStore) -> ModelOutline:
    entry = record.entry
    if entry is None:
        return ModelOutline(record.name, default, "failed", record.problem, "", None)
    if record.weights is not None:
        if record.weights.is_file():
            return ModelOutline(record.name, default, "installed", "", entry.sha256 or "", entry)
        return ModelOutline(record.name, default, "missing", record.missing_weights, "", entry)
    try:
        origin = store.origin(entry)
    except WeightsError as error:
        return ModelOutline(record.name, default, "failed", f"model {record.name!r}: {error}", "", entry)
    if origin is None:
        return ModelOutline(record.name, default, "missing", record.missing_weights, "", entry)
    return ModelOutline(record.name, default, "installed", "", origin.sha256, entry)
