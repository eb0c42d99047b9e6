"""Fetched weights in the data folder: NAME.safetensors, and beside it NAME.json, which says where they came from."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from service.errors import WeightsError
from service.models.entry import Entry


class Origin(BaseModel):
    """Where fetched weights came from. Written after the weights themselves, so that it never speaks of half a file.

    weights: the entry's own words; url: what was fetched; fetched_sha256: of the file as served; sha256: of the
    safetensors file made of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str
    url: str
    fetched_sha256: str
    sha256: str


@dataclass(frozen=True)
class WeightsStore:
    """The folder of fetched weights. Only names that an `Entry` has accepted become file names in it."""

    folder: Path

    def file(self, entry: Entry) -> Path:
        """Where the weights of this entry are, or will be."""
        return self.folder / f"{entry.name}.safetensors"

    def has(self, entry: Entry) -> bool:
        """Whether weights have been fetched under this name; `origin` tells whether they are the right ones."""
        return self.file(entry).is_file() and self._record(entry).is_file()

    def origin(self, entry: Entry) -> Origin | None:
        """Where the weights came from; None where none have been fetched.

        Raises WeightsError where the record is damaged, or tells of other weights than the entry asks for.
        """
        path = self._record(entry)
        try:
            origin = Origin.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise WeightsError(f"{path.name} beside the fetched weights cannot be read: {error}") from error
        if origin.weights != entry.weights or entry.sha256 not in (None, origin.fetched_sha256):
            raise WeightsError(f"the weights fetched earlier are {origin.weights}, and the entry now asks for others")
        return origin if self.file(entry).is_file() else None

    def keep(self, entry: Entry, origin: Origin) -> None:
        """Record where the weights that now lie at `file(entry)` came from."""
        from service.models.weights import write_whole  # noqa: PLC0415  imports torch

        write_whole(self._record(entry), origin.model_dump_json(indent=2).encode() + b"\n")

    @contextmanager
    def locked(self, entry: Entry) -> Iterator[None]:
        """Hold off other processes that would fetch the same weights. Raises WeightsError where one already does."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / f"{entry.name}.lock").open("wb")
        except OSError as error:
            raise WeightsError(f"cannot write to {self.folder}: {error.strerror}") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise WeightsError(f"another process is fetching {entry.name} right now") from error
            yield

    def _record(self, entry: Entry) -> Path:
        return self.folder / f"{entry.name}.json"
