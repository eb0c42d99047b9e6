"""Fetched weights in the data folder: NAME.safetensors, and NAME.json with their origin."""

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
    """Where fetched weights came from. Written after the weights, so that it never describes an incomplete file.

    weights: as in the entry. url: what was fetched. fetched_sha256: of the file as served. sha256: of the safetensors
    file made from it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str
    url: str
    fetched_sha256: str
    sha256: str


@dataclass(frozen=True)
class WeightsStore:
    """The folder of fetched weights. Its file names are names that `Entry` has validated."""

    folder: Path

    def file(self, entry: Entry) -> Path:
        """The weights file of this entry, whether it exists or not."""
        return self.folder / f"{entry.name}.safetensors"

    def files(self, entry: Entry) -> tuple[Path, ...]:
        """The weights file and the record of its origin, whether they exist or not."""
        return self.file(entry), self._record(entry)

    def has(self, entry: Entry) -> bool:
        """Whether weights have been fetched under this name; `origin` checks whether they are those of the entry."""
        return self.file(entry).is_file() and self._record(entry).is_file()

    def origin(self, entry: Entry) -> Origin | None:
        """Where the weights came from; None if none have been fetched.

        Raises WeightsError if the record is damaged, or describes other weights than those of the entry.
        """
        path = self._record(entry)
        try:
            origin = Origin.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise WeightsError(f"{path.name} beside the fetched weights cannot be read: {error}") from error
        if origin.weights != entry.weights or entry.sha256 not in (None, origin.fetched_sha256):
            raise WeightsError(f"the weights fetched earlier are {origin.weights}, but the entry now names others")
        return origin if self.file(entry).is_file() else None

    def record_origin(self, entry: Entry, origin: Origin) -> None:
        """Record where the weights in `file(entry)` came from."""
        from service.models.weights import write_whole  # noqa: PLC0415  imports torch

        write_whole(self._record(entry), origin.model_dump_json(indent=2).encode() + b"\n")

    @contextmanager
    def locked(self, entry: Entry) -> Iterator[None]:
        """Keep other processes from fetching the same weights. Raises WeightsError if one is doing so."""
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
