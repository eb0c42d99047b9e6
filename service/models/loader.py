"""From a registry entry to a classifier that is ready: find or fetch the weights, verify them, build the network."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from service.errors import FoveaError, WeightsError
from service.models.architecture import changed_code
from service.models.catalogue import Record
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.models.faults import own_words
from service.models.file_stamps import stamps
from service.models.pull import pull
from service.models.states import Status
from service.models.weights import State, read
from service.models.weights_store import WeightsStore
from service.settings import Settings

log = logging.getLogger(__name__)


class WeightsAbsent(WeightsError):
    """The weights are not on this machine yet."""


class Loader:
    """Loads one model at a time, on the caller's thread. It keeps no state of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.store = WeightsStore(settings.data_dir / "weights")

    def initial(self, record: Record) -> Status:
        """The status of a model before any attempt to load it: loading, missing or failed."""
        if record.entry is None:
            return Status(record, "failed", record.problem)
        if self.has_weights(record):
            return loading(record)
        return Status(record, "missing", record.missing_weights)

    def load(self, record: Record, fetch: bool = True) -> Status:
        """The status of a model after an attempt to load it; raises nothing that a broken model can cause.

        fetch: whether absent weights may be fetched if the settings allow it.
        """
        files = stamps(self.files(record))
        return replace(self._load(record, fetch), files=files)

    def files(self, record: Record) -> Iterator[Path]:
        """The files beside its TOML file that a model is made from, whether they exist or not."""
        if record.entry is None:
            return
        if record.weights is not None:
            yield record.weights
        else:
            yield from self.store.files(record.entry)
        yield from (record.file.parent / name for name in record.entry.golden)

    def is_current(self, status: Status, record: Record) -> bool:
        """Whether a model was loaded from this very description, and its files and its code have not changed since."""
        if status.record != record or (status.classifier is not None and changed_code(status.classifier.entry)):
            return False
        return status.state == "loading" or status.files == stamps(self.files(record))

    def _load(self, record: Record, fetch: bool) -> Status:
        if record.entry is None:
            return Status(record, "failed", record.problem)
        try:
            return Status(record, "ready", classifier=self._build(record, record.entry, fetch))
        except WeightsAbsent as error:
            return Status(record, "missing", str(error))
        except FoveaError as error:
            return Status(record, "failed", _failed(record.name, str(error)))
        except Exception as error:  # a user's own architecture may raise anything, and the others must serve
            log.exception("model %s failed to load", record.name)
            return Status(record, "failed", _failed(record.name, own_words(error)))

    def has_weights(self, record: Record) -> bool:
        """Whether the weights are on this machine."""
        if record.weights is not None:
            return record.weights.is_file()
        return record.entry is not None and self.store.has(record.entry)

    def can_load(self, record: Record) -> bool:
        """Whether loading would find weights: they are on this machine, or may be fetched without being asked for."""
        may_fetch = record.weights is None and self._settings.auto_pull and not self._settings.offline
        return self.has_weights(record) or may_fetch

    def expected_sha256(self, record: Record) -> str:
        """Of the weights that loading would use; "" if that is not known."""
        if record.entry is None or record.weights is not None:
            return (record.entry and record.entry.sha256) or ""
        try:
            origin = self.store.origin(record.entry)
        except WeightsError:
            return ""
        return origin.sha256 if origin else ""

    def _build(self, record: Record, entry: Entry, fetch: bool) -> Classifier:
        state, sha256 = self._weights(record, entry, fetch)
        return Classifier.build(
            entry,
            state,
            sha256,
            self._settings.engine,
            self._settings.precision,
            self._settings.forward_threads,
            self._settings.data_dir / "engines",
            record.file.parent,
        )

    def _weights(self, record: Record, entry: Entry, fetch: bool) -> tuple[State, str]:
        if record.weights is not None:
            if not record.weights.is_file():
                raise WeightsAbsent(record.missing_weights)
            sha256 = entry.sha256 or ""
            return read(record.weights, sha256), sha256
        origin = self.store.origin(entry)
        if origin is None and fetch and self.can_load(record):
            origin = pull(entry, self.store, self._settings)
        if origin is None:
            raise WeightsAbsent(record.missing_weights)
        return read(self.store.file(entry), origin.sha256), origin.sha256


def loading(record: Record) -> Status:
    """The status of a model that is being loaded, or will be soon."""
    return Status(record, "loading", f"model {record.name!r} is still loading; ask again in a moment")


def _failed(name: str, reason: str) -> str:
    reason = reason.removeprefix(f"model {name!r}: ")
    return f"model {name!r} failed to load: {reason}; fix it and run `fovea models verify {name}`"
