"""The shipped models, each loaded once per process: loading one takes seconds, and many commands use them."""

from __future__ import annotations

from typing import Any

import pytest

from service.models.classifier import Classifier
from service.models.loader import Loader

BUILT: dict[tuple[str, ...], Classifier] = {}


def load_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every registry the classifier that another one has built from the same weights for the same engine.

    What a registry checks before, and its states, stay its own.
    """
    build = Loader._build

    def built_once(loader: Loader, record: Any, entry: Any, fetch: bool) -> Classifier:
        settings = loader._settings
        key = (str(record.file), entry.name, str(entry.sha256), settings.engine, settings.precision)
        if key not in BUILT:
            BUILT[key] = build(loader, record, entry, fetch)
        return BUILT[key]

    monkeypatch.setattr(Loader, "_build", built_once)
