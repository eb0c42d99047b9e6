"""From a location to its store. The only module that knows which kinds of store exist."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from service.collections.store.interface import Store
from service.collections.store.sqlite import SqliteStore
from service.errors import CollectionsError

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

STORES: Mapping[str, Callable[[str], Store]] = {"": lambda folder: SqliteStore(Path(folder))}
"""What opens a location, by its scheme; a location without a scheme is a folder."""


def open_store(location: str) -> Store:
    """The store at a location, created if it does not exist. Blocks.

    location: a folder. Raises CollectionsError where it cannot be used, and as `check_location` does.
    """
    check_location(location)
    return STORES[_scheme(location)](location)


def check_location(location: str) -> None:
    """Raises CollectionsError where no kind of store has such a location."""
    if _scheme(location) not in STORES:
        raise CollectionsError(
            f"collections cannot be kept at {_scheme(location)}://: this version keeps them in a folder; set"
            " FOVEA_COLLECTIONS to its path"
        )


def _scheme(location: str) -> str:
    found = SCHEME.match(location)
    return found[1].lower() if found else ""
