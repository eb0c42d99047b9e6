"""A model for a command that computes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.settings_options import settings

if TYPE_CHECKING:
    from service.models.classifier import Classifier


def load_model(model: str | None, registry: Path | None) -> Classifier:
    """A model of a registry, or its default. Raises what `Registry.load` raises."""
    given = settings(registry=registry)
    from service.models.registry import Registry

    return Registry(given).load(model)
